"""Counts and sizes as an operator reads them."""

from collections.abc import Mapping

_UNITS = ("B", "KB", "MB", "GB", "TB")


def counted(count: int, what: str) -> str:
    """A count with its noun: `1 file`, `1,200 files`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def counted_each(counts: Mapping[str, int]) -> str:
    """Counts of several kinds, of those that there are: `3 instances and 2 resources`, or `nothing`."""
    return " and ".join(counted(count, what) for what, count in counts.items() if count) or "nothing"


def size(count: int) -> str:
    """Bytes, in powers of 1000."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 100 else f"{amount:.1f} {_UNITS[unit]}"
