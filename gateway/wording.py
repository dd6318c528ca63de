"""Counts, sizes and failures as an operator reads them."""

from collections.abc import Mapping
from traceback import walk_tb

from gateway.errors import GatewayError

_OURS = ("gateway", "listeners", "tasks", "flows", "deployments")
_UNITS = ("B", "KB", "MB", "GB", "TB")


def counted(count: int, what: str) -> str:
    """A count with its noun: `1 file`, `1,200 files`, `2 studies`."""
    several = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count:,} {what if count == 1 else several}"


def counted_each(counts: Mapping[str, int]) -> str:
    """Counts of several kinds, of those that there are: `3 instances and 2 resources`, or `nothing`."""
    return " and ".join(counted(count, what) for what, count in counts.items() if count) or "nothing"


def size(count: int) -> str:
    """Bytes, in powers of 1000."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 100 else f"{amount:.1f} {_UNITS[unit]}"


def printable(text: str) -> str:
    """Return the text with everything that is no plain character, line breaks above all, written in ASCII."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def failure(error: BaseException) -> str:
    """Say in a few words what went wrong, and where.

    Our own errors speak for themselves. Of others only the name is told: their texts quote what they were given, and so
    patients.
    """
    if isinstance(error, GatewayError):
        return str(error)
    what = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        what = f"{what} ({error.strerror})"
    return f"{what} at {place}" if (place := _place(error)) else what


def _place(error: BaseException) -> str:
    """The innermost of our lines that it came by, or the innermost at all, e.g. `gateway.receiving.groups:88`."""
    frames = [(str(frame.f_globals.get("__name__", "?")), line) for frame, line in walk_tb(error.__traceback__)]
    ours = [(module, line) for module, line in frames if module.partition(".")[0] in _OURS]
    return "{}:{}".format(*(ours or frames)[-1]) if frames else ""
