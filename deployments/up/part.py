"""One part of the gateway: started, its log taken, started again when it dies."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from deployments.process.exit_codes import ExitCode
from deployments.process.waking import wait_for_any
from deployments.up.log_lines import record_of, says_ready
from gateway.errors import SettingsError
from gateway.work.back_off import BackOff

_LAUNCHER = Path(__file__).with_name("launcher.py")
_LONGEST_DELAY_SECONDS = 60.0
_LONG_LIFE_SECONDS = 60.0  # after which a death counts as the first again
_LONGEST_LINE_BYTES = 1 << 20
_LAST_LINES_SECONDS = 1.0

_log = structlog.get_logger()


class PartRefused(SettingsError):
    """A part says that it can't be started as it is asked to: trying again can't help."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a part is started. Where `logs_to_stdout` is false only what it writes to stderr is its log."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    logs_to_stdout: bool = True
    with_traceback: bool = False  # of what it logs in a format of its own


@dataclass
class Part:
    """A process that is kept running until it is told to end. `show` gets each record of its log."""

    plan: Plan
    show: Callable[[Mapping[str, Any]], None]
    first_delay_seconds: float = 1.0  # before it is started again; grows to a minute
    ready: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    ended: asyncio.Event = field(default_factory=asyncio.Event, init=False)  # for good
    _told_to_end: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _process: Process | None = field(default=None, init=False)

    async def keep_running(self) -> None:
        """Start it, and again whenever it ends. Raises PartRefused where it says that this is of no use."""
        delays = BackOff(self.first_delay_seconds, _LONGEST_DELAY_SECONDS).delays()
        try:
            while not self._told_to_end.is_set():
                started = time.monotonic()
                exit_code = await self._run()
                if time.monotonic() - started > _LONG_LIFE_SECONDS:
                    delays = BackOff(self.first_delay_seconds, _LONGEST_DELAY_SECONDS).delays()
                await self._pause_after(exit_code, delays)
        finally:
            self.ended.set()

    def terminate(self) -> None:
        """Ask it to end, and do not start it again. Asked twice, a worker ends at once."""
        self._told_to_end.set()
        if self.is_running:
            with suppress(ProcessLookupError):
                os.kill(self._process_id, signal.SIGTERM)

    def kill(self) -> None:
        """End it and what is in its group."""
        self._told_to_end.set()
        if self.is_running:
            self._kill_group()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process_id, signal.SIGKILL)

    @property
    def _process_id(self) -> int:
        return self._process.pid if self._process else 0

    async def _pause_after(self, exit_code: int, delays: Iterator[float]) -> None:
        if self._told_to_end.is_set():
            return
        if exit_code == ExitCode.WRONG_USAGE:
            raise PartRefused(f"{self.plan.name} can't be run as the settings have it: see above")
        delay_seconds = next(delays)
        _log.warning(f"{self.plan.name} {_how_it_ended(exit_code)}; starting it again in {delay_seconds:g} s")
        await wait_for_any(self._told_to_end, timeout_seconds=delay_seconds)

    async def _run(self) -> int:
        """Start it, and return its exit code when it has ended."""
        async with _own_pipe() as (log, writing_end):
            try:
                self._process = process = await self._start(writing_end)
            finally:
                os.close(writing_end)
            taking = asyncio.ensure_future(self._take_log(log))
            exit_code = await process.wait()
            self.ready.clear()
            await self._end_what_is_left(taking)
            return exit_code

    async def _end_what_is_left(self, taking: "asyncio.Future[None]") -> None:
        """Wait for the end of its log, which is when all that it started has ended, and end what stays behind."""
        await asyncio.wait([taking], timeout=_LAST_LINES_SECONDS)
        if not taking.done():
            self._kill_group()
            await asyncio.wait([taking], timeout=_LAST_LINES_SECONDS)
            taking.cancel()

    async def _start(self, log: int) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(_LAUNCHER), str(os.getpid())),
            *self.plan.command,
            env=dict(self.plan.environment),
            stdin=DEVNULL,
            stdout=log if self.plan.logs_to_stdout else DEVNULL,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches us only, and we end all in order
        )

    async def _take_log(self, log: asyncio.StreamReader) -> None:
        while line := await _next_line(log):
            text = line.decode(errors="replace").rstrip("\n")
            record = record_of(text, self.plan.name, with_traceback=self.plan.with_traceback)
            self.show(record)
            if says_ready(record):
                self.ready.set()


@asynccontextmanager
async def _own_pipe() -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """A pipe to read from, and its other end. With one of asyncio's, a process would not have ended while any
    descendant has the pipe open.
    """
    reading_end, writing_end = os.pipe()
    stream = asyncio.StreamReader(limit=_LONGEST_LINE_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading_end, "rb", buffering=0)
    )
    try:
        yield stream, writing_end
    finally:
        transport.close()


async def _next_line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # longer than any line of ours: what was read of it is dropped
        return b"(a line that was too long)\n"


def _how_it_ended(exit_code: int) -> str:
    if exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
