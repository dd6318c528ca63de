"""Prefect's own lines in the log of a run, which the dashboard opens: cut to what an operator can use.

What a run does it says itself (`tasks.run_log`). Prefect adds forty lines of traceback for each try, and the text of
any exception, which may quote what it was given, and so a patient.
"""

import logging
from collections.abc import Callable

from gateway.config.sections import LogSettings
from gateway.wording import failure
from tasks.run_log import failed_line

_OF_RUNS = ("prefect.flow_runs", "prefect.flow_runs.worker", "prefect.task_runs")


def cut_run_log(settings: LogSettings) -> None:
    """Have runs of this process log in sentences; with `log.level = "debug"` all stands there as Prefect has it."""
    if settings.level != "debug":
        for name in _OF_RUNS:
            logging.getLogger(name).addFilter(_cut)


def _cut(record: logging.LogRecord) -> bool:
    """Drop a line of Prefect's, or have it say the same in a sentence. Others stay, without their traceback."""
    text = str(record.msg)
    for beginning, told in _TOLD.items():
        if text.startswith(beginning):
            sentence = told(record)
            record.msg, record.args = sentence, ()
            record.exc_info = None
            return bool(sentence)
    record.exc_info = None
    return True


def _nothing(_record: logging.LogRecord) -> str:
    """The flow says it, or the page shows it anyway."""
    return ""


def _tried_again(record: logging.LogRecord) -> str:
    _, error, number, of, _ = record.args if isinstance(record.args, tuple) else ()
    return f"{failure(error)}; tried again within seconds ({number} of {of})" if isinstance(error, Exception) else ""


def _failed(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return failed_line(failure(error) if error else "")


_TOLD: dict[str, Callable[[logging.LogRecord], str]] = {
    "Worker '": _nothing,  # which submits it: the page names it
    "Finished in state": _nothing,
    "Task run failed with %s: %r - Retry": _tried_again,
    "Task run failed with": _nothing,
    "Encountered exception during execution": _failed,
}
"""What becomes of a line of Prefect's, by how its text begins: the first that fits."""
