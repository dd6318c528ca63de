"""One log for our lines and the libraries': text for people, JSON for machines."""

import atexit
import logging
import sys
import threading
import warnings
from pathlib import Path
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from deployments.process.log_rendering import LONGEST_FOREIGN_TEXT, failures_told, render_line, time_now
from deployments.process.log_repetition import CountingHandler
from gateway.config.sections import LogSettings

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

# Below a warning these tell of every request or step, and some of patients: pynetdicom and pydicom print data sets,
# the HTTP clients addresses with queries. Prefect's own lines of a run stand in the dashboard.
_QUIET = "pynetdicom pydicom pika urllib3 httpx httpcore minio websockets watchfiles uvicorn alembic sqlalchemy".split()
_NOISY = ("EventsWorker", "APILogWorker")  # Prefect's senders, which warn of every item that is left at a run's end
_OF_RUNS = ("prefect.flow_runs", "prefect.task_runs")  # with a traceback for each try; `worker.child` says it in a line


def configure_logging(settings: LogSettings, role: str = "", stream: TextIO | None = None) -> None:
    """Write what this process logs to `stream` (stderr), one line each, naming its role.

    To be called before Prefect is imported: it leaves a root logger alone that has a handler.
    """
    handler = CountingHandler(stream or sys.stderr)
    atexit.register(handler.close)  # Prefect's set-up makes `logging` forget it
    before: list[Processor] = [structlog.contextvars.merge_contextvars, _own_fields(role)]
    before += [structlog.stdlib.add_log_level, _time]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_shortened, *before],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(settings, handler)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[settings.level])
    if settings.level != "debug":
        handler.addFilter(_is_not_chatter)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _take_what_python_prints()


def _take_what_python_prints() -> None:
    """Have warnings, and the end of a thread by an exception, go through the log: they may hold what a peer sent."""
    # Python remembers each text that it has warned of, to say it once. A peer can make any number of them.
    warnings.simplefilter("always", append=True)
    warnings.showwarning = _log_warning
    threading.excepthook = _log_end_of_thread


def _log_warning(  # noqa: PLR0913, PLR0917 - as `warnings` calls it
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A library's warning, by its place: its words quote values, and so patients."""
    place = f"{'/'.join(Path(filename).parts[-2:])}:{lineno}"
    logging.getLogger("py.warnings").warning("%s at %s", category.__name__, place)


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value and not isinstance(ended.exc_value, SystemExit):
        name = ended.thread.name if ended.thread else ""
        structlog.get_logger(__name__).error("a thread ended unforeseen", thread=name, exc_info=ended.exc_value)


def _renderers(settings: LogSettings, handler: logging.StreamHandler[TextIO]) -> list[Processor]:
    tell_failures = failures_told(with_traceback=settings.level == "debug")
    if settings.format == "json":
        return [tell_failures, structlog.processors.JSONRenderer(default=str)]
    colour = handler.stream.isatty()
    return [tell_failures, lambda _logger, _name, event: render_line(event, colour=colour)]


def _own_fields(role: str) -> Processor:
    def add(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {"role": role, **event} if role else event

    return add


def _time(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return {**event, "time": time_now()}


def _shortened(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    text = str(event["event"])
    return {**event, "event": text if len(text) <= LONGEST_FOREIGN_TEXT else f"{text[:LONGEST_FOREIGN_TEXT]}…"}


def _is_not_chatter(record: logging.LogRecord) -> bool:
    if record.name.startswith(_OF_RUNS):
        return False
    return record.levelno >= logging.WARNING or not record.name.startswith("prefect")
