"""What the parts print, as records of one log."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

# Prefect's server: `12:03:04.123 | WARNING | prefect.server.events - text`
_PREFECT = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \| (?P<level>[A-Z]+) *\| (?P<text>.*)")


def record_of(line: str, role: str) -> dict[str, Any]:
    """Return what a line of a part says, with time, level, role and event; ours are JSON, others are text."""
    if line.startswith("{"):
        try:
            return {"role": role, **json.loads(line)}
        except ValueError:
            pass
    time = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S.%f}"
    if prefect := _PREFECT.match(line):
        return {"time": time, "level": prefect["level"].lower(), "role": role, "event": prefect["text"]}
    return {"time": time, "level": "info", "role": role, "event": line}


def says_ready(record: Mapping[str, Any]) -> bool:
    """Whether a part says with this record that it is at work."""
    return record.get("ready") is True
