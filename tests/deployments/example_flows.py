"""Flows for the tests of the worker: what a run of ours may do, without the gateway's own work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry

from flows.ending import failing_in_words
from gateway.config import load_settings
from gateway.errors import BrokerUnavailable, Dependency
from gateway.payloads.index import opened_payload_index
from gateway.spool.area import scp_area
from gateway.work.waiting import Wait, sentence
from tasks.phase import phase


@task
def step(number: int) -> int:
    return number


@flow(name="example-trivial")
def trivial(payload_id: str = "") -> None:
    """Three tasks, as ingest has."""
    for number in range(3):
        step(number)


@flow(name="example-async")
async def asynchronous() -> None:
    step(1)


@flow(name="example-failing-once")
def failing_once(marker: str) -> None:
    """Fail until somebody has put right what is wrong: until `marker` exists."""
    if not Path(marker).exists():
        raise ValueError("told to fail")


@phase("announce", timeout_seconds=60)
def announce(succeeds_if: str) -> None:
    """Do it at the second try."""
    if not Path(succeeds_if).exists():
        Path(succeeds_if).touch()
        raise BrokerUnavailable("nobody listens")


@flow(name="example-retrying")
@failing_in_words
def retrying(marker: str) -> State[None] | None:
    """Succeed at the second try of a task; then fail as no code of ours foresees."""
    announce(marker)
    raise ValueError("SECRET-PATIENT is no patient")


SECRET = "hunter2-of-John-Doe"


@phase("send", timeout_seconds=60)
def send_to_a_foreign_library(kind: str) -> None:
    """Fail as libraries do: with what they were given in their text, and that of another failure behind it."""
    text = f"https://user:{SECRET}@pacs"
    foreign = {"timeout": TimeoutError(text), "group": ExceptionGroup(text, [ValueError(text)])}
    try:
        os.environ[SECRET]
    except KeyError as error:
        raise foreign.get(kind, ValueError(text)) from error


@flow(name="example-foreign-failure")
@failing_in_words
def foreign_failure(kind: str) -> State[None] | None:
    """Fail within a task as no code of ours foresees."""
    send_to_a_foreign_library(kind)
    return None


@flow(name="example-reading-settings")
def reading_settings(written: str) -> None:
    """Write down what the settings file says at this moment."""
    Path(written).write_text(load_settings().settings.scu.ae_title)


@flow(name="example-listing-modules")
def listing_modules(written: str) -> None:
    """Do what our flows do with Prefect, and write down every module that is imported then."""
    step(1)
    create_markdown_artifact("a page")
    Path(written).write_text(" ".join(sys.modules))


@flow(name="example-killed")
def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@flow(name="example-gated")
def gated(started: str, gate: str) -> None:
    """Say that it runs, by appending its process id to `started`, and go on until `gate` exists."""
    with Path(started).open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not Path(gate).exists():
        time.sleep(0.02)


@flow(name="example-orderly")
def orderly(started: str, tidied: str) -> None:
    """Run until told to stop, and tidy up then."""
    Path(started).write_text(f"{os.getpid()}\n")
    try:
        time.sleep(600)
    finally:
        Path(tidied).touch()


@flow(name="example-stubborn")
def stubborn(started: str) -> None:
    """Have a process of its own and take no notice of SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeper = subprocess.Popen(["sleep", "600"])
    Path(started).write_text(f"{os.getpid()}\n{sleeper.pid}\n")
    sleeper.wait()


@flow(name="example-waiting")
def waiting(marker: str, seconds: float) -> State[None] | None:
    """Wait once for its next try, then complete."""
    first = not Path(marker).exists()
    Path(marker).touch()
    if first:
        return AwaitingRetry(message="waits", scheduled_time=datetime.now(UTC) + timedelta(seconds=seconds))
    return None


@flow(name="example-ingest")
def ingesting(payload_id: str) -> State[None] | None:
    """Announce a payload while the broker is there; else do what the file `instead` says: wait, crash, fail."""
    settings = load_settings().settings
    if (settings.data_dir / "broker").exists() and not (settings.data_dir / "instead").exists():
        scp_area(settings.data_dir / "spool").finish(UUID(payload_id))
        return None
    instead = settings.data_dir / "instead"
    return _INSTEAD[instead.read_text() if instead.exists() else "wait"](UUID(payload_id))


def _wait(payload_id: UUID) -> State[None]:
    now = datetime.now(UTC)
    waits, at = [Wait(Dependency.EVENTS, "nobody listens")], now + timedelta(hours=1)
    with opened_payload_index(load_settings().settings.database_url) as index:
        index.note_wait(payload_id, waits, at, now)
    return AwaitingRetry(message=sentence(waits, at), scheduled_time=at)


def _crash(_payload_id: UUID) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _fail(_payload_id: UUID) -> NoReturn:
    raise ValueError("told to fail")


_INSTEAD: Mapping[str, Callable[[UUID], State[None] | None]] = {
    "wait": _wait,
    "crash": _crash,
    "fail": _fail,
    "complete": lambda _payload_id: None,
}
