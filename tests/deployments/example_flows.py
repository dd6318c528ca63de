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

from gateway.config import load_settings
from gateway.errors import Dependency
from gateway.spool.door import scp_door
from gateway.waiting import waiting_message


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
        scp_door(settings.data_dir / "spool").finish(UUID(payload_id))
        return None
    instead = settings.data_dir / "instead"
    return _INSTEAD[instead.read_text() if instead.exists() else "wait"]()


def _wait() -> State[None]:
    next_try = datetime.now(UTC) + timedelta(hours=1)
    return AwaitingRetry(
        message=waiting_message(Dependency.EVENTS, "nobody listens", next_try), scheduled_time=next_try
    )


def _crash() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _fail() -> NoReturn:
    raise ValueError("told to fail")


_INSTEAD: Mapping[str, Callable[[], State[None] | None]] = {
    "wait": _wait,
    "crash": _crash,
    "fail": _fail,
    "complete": lambda: None,
}
