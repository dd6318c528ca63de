"""One log for everything that a process says."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
import structlog

from deployments.process.logging import configure_logging, render_line
from deployments.up.log_lines import record_of, says_ready
from gateway.config.sections import LogSettings

Log = Callable[..., io.StringIO]


@pytest.fixture
def log() -> Iterator[Log]:
    """Sets the log up as a process does, and takes what is written."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def set_up(log_format: Literal["text", "json"] = "text", role: str = "scp") -> io.StringIO:
        stream = io.StringIO()
        configure_logging(LogSettings(format=log_format), role, stream)
        return stream

    yield set_up
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_has_time_level_role_and_text(log: Log) -> None:
    stream = log()
    structlog.get_logger().info("payload ready", instances=324, closed_by="max bytes")
    line = stream.getvalue()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} info    scp      payload ready instances=324 closed_by='max bytes'\n",
        line,
    )


def test_json_has_the_same(log: Log) -> None:
    stream = log("json")
    structlog.get_logger().warning("payload ready", instances=324)
    record = json.loads(stream.getvalue())
    assert (record["level"], record["role"], record["event"], record["instances"]) == (
        "warning",
        "scp",
        "payload ready",
        324,
    )


def test_libraries_write_into_the_same_log_but_do_not_chatter(log: Log) -> None:
    stream = log()
    for library in ("pynetdicom", "pydicom", "pika", "urllib3", "httpx", "minio", "prefect.server"):
        logging.getLogger(library).info("every request, and the patient's name")
        logging.getLogger(library).warning("something is wrong")
    assert stream.getvalue().count("something is wrong") == 7
    assert "patient" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_is_kept(log: Log, log_format: Literal["text", "json"]) -> None:
    stream = log(log_format)
    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("unexpected")
    assert "Traceback (most recent call last)" in stream.getvalue()
    assert "ValueError: invalid literal" in stream.getvalue()


def test_levels_below_the_one_that_is_set_are_left_out(log: Log) -> None:
    stream = log()
    structlog.get_logger().debug("every little thing")
    assert stream.getvalue() == ""


def test_on_a_terminal_levels_have_colours() -> None:
    record = {"time": "12:00", "level": "error", "role": "scp", "event": "no room"}
    assert render_line(record, colour=True) == "12:00 \x1b[31merror  \x1b[0m scp      no room"
    assert render_line(record, colour=False) == "12:00 error   scp      no room"


def test_a_part_s_record_is_taken_as_it_is() -> None:
    record = record_of('{"time": "12:00", "level": "error", "role": "worker", "event": "x", "ready": true}', "worker")
    assert record == {"time": "12:00", "level": "error", "role": "worker", "event": "x", "ready": True}
    assert says_ready(record)


@pytest.mark.parametrize("line", ["Fatal Python error", "{not JSON", "", "[1]"])
def test_what_else_a_part_prints_is_kept_as_text(line: str) -> None:
    record = record_of(line, "scp")
    assert (record["level"], record["role"], record["event"]) == ("info", "scp", line)
    assert not says_ready(record)


def test_prefects_lines_keep_their_level() -> None:
    record = record_of("12:03:04.123 | WARNING | prefect.server - slow", "prefect")
    assert (record["level"], record["event"]) == ("warning", "prefect.server - slow")
