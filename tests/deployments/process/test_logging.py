"""One log for everything that a process says."""

import io
import json
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import pytest
import structlog

from deployments.process.log_rendering import render_line
from deployments.process.log_repetition import MOST_KINDS, CountingHandler
from deployments.process.logging import configure_logging
from deployments.up.log_lines import record_of, says_ready
from gateway.config.sections import LogSettings
from gateway.errors import StoreUnavailable
from tests.clock import MovableClock

Level = Literal["debug", "info"]
Log = Callable[..., io.StringIO]
ISO_8601 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
NOT_SAFE = "\r\n\x1b[2J\u202e\u2028\x85\udc80"


@pytest.fixture
def log() -> Iterator[Log]:
    """Sets the log up as a process does, and takes what is written."""
    root = logging.getLogger()
    before, level, of_threads = root.handlers[:], root.level, threading.excepthook

    def set_up(log_format: Literal["text", "json"] = "text", role: str = "scp", level: Level = "info") -> io.StringIO:
        stream = io.StringIO()
        configure_logging(LogSettings(format=log_format, level=level), role, stream)
        return stream

    yield set_up
    root.handlers[:] = before
    root.setLevel(level)
    threading.excepthook = of_threads
    structlog.reset_defaults()


def test_a_line_has_time_level_role_and_text(log: Log) -> None:
    stream = log()
    structlog.get_logger().info("payload ready", instances=324, closed_by="max bytes")
    line = stream.getvalue()
    assert re.fullmatch(
        rf"{ISO_8601} info    scp      payload ready instances=324 closed_by='max bytes'\n",
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
def test_at_debug_a_failure_is_told_with_its_traceback(log: Log, log_format: Literal["text", "json"]) -> None:
    stream = log(log_format, level="debug")
    fail_unforeseen()
    assert "Traceback (most recent call last)" in stream.getvalue()
    assert "ValueError: invalid literal" in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_else_a_failure_is_one_line_that_quotes_nothing(log: Log, log_format: Literal["text", "json"]) -> None:
    stream = log(log_format)
    fail_unforeseen()
    (line,) = stream.getvalue().splitlines()
    assert re.search(r"ValueError at tests\.deployments\.process\.test_logging:\d+", line)
    assert "DOE" not in line


def test_an_error_of_ours_speaks_for_itself(log: Log) -> None:
    stream = log()
    structlog.get_logger().error("unexpected", exc_info=StoreUnavailable("the object store does not answer"))
    assert "error='the object store does not answer'" in stream.getvalue()


def fail_unforeseen() -> None:
    try:
        int("DOE^JOHN")
    except ValueError:
        structlog.get_logger().exception("unexpected")


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("level", ["info", "debug"])
def test_nothing_that_is_logged_begins_a_line_of_its_own(
    log: Log, log_format: Literal["text", "json"], level: Level
) -> None:
    stream = log(log_format, level=level)
    structlog.get_logger().warning(NOT_SAFE, **{NOT_SAFE: NOT_SAFE})
    logging.getLogger("pynetdicom").error("Invalid 'Called AE Title' value '%s'", NOT_SAFE)
    structlog.get_logger().error("unexpected", exc_info=ValueError(NOT_SAFE))
    written = stream.getvalue()
    assert all(each.isprintable() for each in written.replace("\n", ""))
    begun = [line for line in written.split("\n") if line and not line.startswith("    ")]
    assert len(begun) == 3
    assert all(line.startswith("{") or re.match(ISO_8601, line) for line in begun)
    assert "\\x1b[2J" in written or "\\u001b[2J" in written


def test_what_peers_repeat_is_counted_by_kind_and_peer() -> None:
    stream, clock, logger = io.StringIO(), MovableClock(), structlog.get_logger("listeners.scp")
    with counted_to(stream, clock):
        for _ in range(100):
            for address in ("10.1.0.17", "10.1.0.18"):
                refuse(logger, address)
        assert texts(stream) == ["refused of 10.1.0.17", "refused of 10.1.0.18"]
        clock.move(61)
        refuse(logger, "10.1.0.17")
        assert texts(stream)[2:] == ["refused: again 99 of 10.1.0.17", "refused: again 99 of 10.1.0.18"]
        clock.move(61)
        refuse(logger, "10.1.0.18")
        clock.move(180)
        refuse(logger, "10.1.0.18")
    assert texts(stream)[4:] == [
        "refused: again 1 of 10.1.0.17",
        "refused of 10.1.0.18",
        "refused of 10.1.0.18",
    ]


def test_of_more_peers_than_are_told_apart_only_the_kind_is_counted() -> None:
    stream, clock, logger = io.StringIO(), MovableClock(), structlog.get_logger("listeners.scp")
    with counted_to(stream, clock):
        for number in range(10 * MOST_KINDS):
            refuse(logger, f"2001:db8::{number:x}")
        assert len(texts(stream)) == MOST_KINDS + 1
        clock.move(61)
    assert texts(stream)[MOST_KINDS + 1 :] == [f"refused: again {9 * MOST_KINDS - 1} of anybody"]


def test_of_a_door_that_names_no_peer_what_differs_is_written_within_bounds() -> None:
    stream, clock, logger = io.StringIO(), MovableClock(), structlog.get_logger("listeners.api.problems")
    with counted_to(stream, clock):
        for number in range(3 * MOST_KINDS):
            logger.warning("message can't be understood", message_id=number)
            logger.warning("a request could not be served", reason="the database does not answer")
        written = texts(stream)
    assert written.count("a request could not be served of anybody") == 1
    assert written.count("message can't be understood of anybody") == MOST_KINDS


def test_failures_of_our_own_work_are_all_written() -> None:
    stream, logger = io.StringIO(), structlog.get_logger("gateway.spool.work")
    with counted_to(stream, MovableClock()):
        for _ in range(3):
            logger.error("payload can't be dispatched")
    assert texts(stream) == ["payload can't be dispatched of anybody"] * 3


@contextmanager
def counted_to(stream: io.StringIO, clock: MovableClock) -> Iterator[None]:
    """Have what is logged counted by this clock, and written as `text`, `times` and `address`."""
    handler = CountingHandler(stream, clock)
    root, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[_as_said]))
    structlog.configure(
        processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    root.handlers[:] = [handler]
    try:
        yield
        handler.close()
    finally:
        root.handlers[:] = handlers
        structlog.reset_defaults()


def _as_said(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    times = f" {event['times']}" if "times" in event else ""
    return f"{event['event']}{times} of {event.get('address', 'anybody')}"


def refuse(logger: Any, address: str) -> None:
    logger.warning("refused", address=address)


def texts(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_a_warning_of_a_library_tells_its_place_and_none_of_its_words(log: Log) -> None:
    stream = log()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("Invalid value for VR PN: 'DOE^JOHN'", UserWarning, stacklevel=1)
    assert re.search(r"warning scp      UserWarning at process/test_logging\.py:\d+\n$", stream.getvalue())


def test_the_end_of_a_thread_is_a_line_too(log: Log) -> None:
    stream = log()
    thread = threading.Thread(target=int, args=("DOE^JOHN",), name="closing")
    thread.start()
    thread.join()
    (line,) = stream.getvalue().splitlines()
    assert "error   scp      a thread ended unforeseen thread=closing error='ValueError at " in line


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


PREFECT_RECORD = {
    "name": "prefect.server.events",
    "msg": "%s failed",
    "args": ["persistence"],
    "levelname": "ERROR",
    "created": 1772370187.091,
    "exc_info": {"type": "OperationalError", "message": "locked [SQL: …]", "traceback": "  File …\n"},
}


def test_a_record_of_prefects_server_keeps_level_and_time() -> None:
    record = record_of(json.dumps(PREFECT_RECORD), "prefect")
    assert (record["level"], record["role"]) == ("error", "prefect")
    assert record["event"] == "prefect.server.events: persistence failed"
    assert datetime.fromisoformat(record["time"]).timestamp() == pytest.approx(1772370187.091)


def test_its_traceback_is_shown_only_where_that_is_asked_for() -> None:
    line = json.dumps(PREFECT_RECORD)
    told = render_line(record_of(line, "prefect"), colour=False)
    assert told.endswith("persistence failed error=OperationalError")
    at_debug = render_line(record_of(line, "prefect", with_traceback=True), colour=False)
    assert at_debug.splitlines()[1:] == ["      File …", "    OperationalError: locked [SQL: …]"]
