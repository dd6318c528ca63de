"""The loggers of the domain. Their library is imported with the first line that is written.

What only looks writes none, and structlog, which imports rich and asyncio, takes a fifth of the time that it takes to
print a table. A process sets its log up before its first line; of a command it goes to stderr.
"""

import sys
from typing import Any


class Logger:
    """structlog's logger of this name, with all that it can do."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        import structlog

        if not structlog.is_configured():  # what a command prints may be JSON
            structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
        return getattr(structlog.get_logger(self._name), method)
