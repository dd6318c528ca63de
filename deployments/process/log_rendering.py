"""How a record of the log is written: for people one line, of which nothing that comes from outside can make two.

AE titles, UIDs and what a peer answers may hold any byte. A line break would begin a line that nobody logged, an escape
sequence would act on the terminal of who reads it (CWE-117): both are written as Python writes them, `\\r\\n`, `\\x1b`.
"""

import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from traceback import format_exception
from typing import Any

from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.wording import failure, printable

LONGEST_FOREIGN_TEXT = 500  # characters: a library may quote all that it was sent

_COLOURS = {"debug": "\x1b[2m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
_RESET = "\x1b[0m"


def time_now() -> str:
    """The time of this moment with this machine's offset from UTC (ISO 8601), to the millisecond."""
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")


def time_of_record(created: object) -> str:
    """The same for a moment of `logging`: seconds since 1970, or now where it is none."""
    if not isinstance(created, int | float):
        return time_now()
    return datetime.fromtimestamp(created, UTC).astimezone().isoformat(timespec="milliseconds")


def render_line(event: MutableMapping[str, Any], *, colour: bool) -> str:
    """Render one record as people read it: time, level, role, text, then the rest as key=value.

    Only a traceback has lines of its own, which are indented: none of them can be taken for a record.
    """
    event = dict(event)
    time, level = (printable(str(event.pop(key, default))) for key, default in (("time", ""), ("level", "info")))
    role, text = (printable(str(event.pop(key, ""))) for key in ("role", "event"))
    event.pop("ready", None)  # for who waits for it, not for who reads
    trace = str(event.pop("exception", ""))
    shown = f"{_COLOURS[level]}{level:<7}{_RESET}" if colour and level in _COLOURS else f"{level:<7}"
    fields = "".join(f" {printable(key)}={_quoted(value)}" for key, value in event.items())
    lines = "".join(f"\n    {printable(line)}" for line in trace.split("\n")) if trace else ""
    return f"{time} {shown} {role:<8} {text}{fields}{lines}"


def failures_told(*, with_traceback: bool) -> Processor:
    """A processor that says of a record's exception what it was and where; at length only where that is asked for."""

    def tell(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        error = _error_of(event.pop("exc_info", None))
        if error is None:
            return event
        if with_traceback:
            return {**event, "exception": "".join(format_exception(error)).rstrip()}
        return {**event, "error": failure(error)}

    return tell


def _error_of(info: object) -> BaseException | None:
    """The exception in what is given as `exc_info`: itself, a triple, or True for the one that is being handled."""
    if info is True:
        info = sys.exc_info()
    if isinstance(info, tuple):
        info = info[1]
    return info if isinstance(info, BaseException) else None


def _quoted(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else repr(text)
