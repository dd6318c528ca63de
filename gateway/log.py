"""The loggers of the domain. Their library is imported with the first line that is written.

What only looks writes none, and structlog, which imports rich and asyncio, takes a fifth of the time that it takes to
print a table. A process sets its log up before its first line; of a command it goes to stderr.
"""

import sys
from collections.abc import MutableMapping
from typing import Any

from gateway.wording import printable


class Logger:
    """structlog's logger of this name, with all that it can do."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        import structlog

        if not structlog.is_configured():  # what a command prints may be JSON
            *before, render = structlog.get_config()["processors"]
            structlog.configure(
                processors=[*before, _escaped, render], logger_factory=lambda *_: structlog.PrintLogger(sys.stderr)
            )
        return getattr(structlog.get_logger(self._name), method)


def _escaped(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A terminal is what reads it: nothing that came from outside begins a line there, or gives it an order."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}
