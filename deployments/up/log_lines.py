"""What the parts print, as records of one log."""

import json
from collections.abc import Mapping
from typing import Any

from deployments.process.log_rendering import time_now, time_of_record

PREFECT_LOGS_JSON = {"PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json"}
"""The environment that has Prefect's server write each record, with its traceback, as one line."""


def record_of(line: str, role: str, *, with_traceback: bool = False) -> dict[str, Any]:
    """Return what a line of a part says, with time, level, role and event.

    Ours and Prefect's are JSON; what else is printed is text. Of an exception in Prefect's server the name is told,
    and its traceback where that is asked for.
    """
    said = _read(line)
    if said is None:
        return {"time": time_now(), "level": "info", "role": role, "event": line}
    return _prefect_record(said, role, with_traceback=with_traceback) if "levelname" in said else {"role": role, **said}


def says_ready(record: Mapping[str, Any]) -> bool:
    """Whether a part says with this record that it is at work."""
    return record.get("ready") is True


def _read(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _prefect_record(said: Mapping[str, Any], role: str, *, with_traceback: bool) -> dict[str, Any]:
    """A `logging.LogRecord` as Prefect's JsonFormatter writes it."""
    record = {
        "time": time_of_record(said.get("created")),
        "level": str(said["levelname"]).lower(),
        "role": role,
        "event": f"{said.get('name')}: {_message(said)}",
    }
    error = said.get("exc_info")
    if not isinstance(error, dict) or not error:
        return record
    if with_traceback:
        return {**record, "exception": f"{error.get('traceback')}{error.get('type')}: {error.get('message')}"}
    return {**record, "error": error.get("type")}  # its text may quote a whole statement


def _message(said: Mapping[str, Any]) -> str:
    message, arguments = str(said.get("msg")), said.get("args")
    if not arguments:
        return message
    try:
        return message % (tuple(arguments) if isinstance(arguments, list) else arguments)
    except (TypeError, ValueError, KeyError):
        return message
