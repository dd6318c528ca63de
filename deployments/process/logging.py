"""One log for our lines and the libraries': text for people, JSON for machines."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.config.sections import LogSettings

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_COLOURS = {"debug": "\x1b[2m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
_RESET = "\x1b[0m"

# Below a warning these tell of every request, and some of patients: pynetdicom and pydicom print data sets,
# the HTTP clients addresses with queries. Prefect's own lines of a run stand in the dashboard.
_QUIET = "pynetdicom pydicom pika urllib3 httpx httpcore minio websockets watchfiles uvicorn".split()
_NOISY = ("EventsWorker", "APILogWorker")  # Prefect's senders, which warn of every item that is left at a run's end


def configure_logging(settings: LogSettings, role: str = "", stream: TextIO | None = None) -> None:
    """Write what this process logs to `stream` (stderr), one line each, naming its role.

    To be called before Prefect is imported: it leaves a root logger alone that has a handler.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_own_fields(role), structlog.stdlib.add_log_level, _time],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(settings, handler)],
        )
    )
    handler.addFilter(_is_not_chatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[settings.level])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            _own_fields(role),
            structlog.stdlib.add_log_level,
            _time,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def render_line(event: MutableMapping[str, Any], *, colour: bool) -> str:
    """Render one record as people read it: time, level, role, text, then the rest as key=value."""
    event = dict(event)
    time, level = str(event.pop("time", "")), str(event.pop("level", "info"))
    role, text, trace = str(event.pop("role", "")), str(event.pop("event", "")), str(event.pop("exception", ""))
    shown = f"{_COLOURS[level]}{level:<7}{_RESET}" if colour and level in _COLOURS else f"{level:<7}"
    fields = "".join(f" {key}={_quoted(value)}" for key, value in event.items())
    return f"{time} {shown} {role:<8} {text}{fields}" + (f"\n{trace}" if trace else "")


_time: Processor = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S.%f", utc=False, key="time")


def _renderers(settings: LogSettings, handler: logging.StreamHandler[TextIO]) -> list[Processor]:
    if settings.format == "json":
        return [_format_exception, structlog.processors.JSONRenderer(default=str)]
    colour = handler.stream.isatty()
    return [_format_exception, lambda _logger, _name, event: render_line(event, colour=colour)]


def _own_fields(role: str) -> Processor:
    def add(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {"role": role, **event} if role else event

    return add


def _format_exception(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[0]:
        event["exception"] = "".join(traceback.format_exception(*info)).rstrip()
    return event


def _is_not_chatter(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not record.name.startswith("prefect")


def _quoted(value: object) -> str:
    text = str(value)
    return repr(text) if not text or any(character.isspace() for character in text) else text
