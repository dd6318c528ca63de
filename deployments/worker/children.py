"""The fork server, which has everything imported, and the children that wait for a run.

A child keeps the reading end of the pipe that brings its run. The writing end is in the worker only, so the pipe
ends with the worker however that dies, and the child with the pipe.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess

import anyio

from deployments.worker.child import Order, main
from gateway.config.sections import LogSettings

# Whoever registers the deployments looks whether the server's version fits: that need not be asked for each run.
_ENVIRONMENT = {"PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false"}
_PRELOADED = ("deployments.worker.quick_end", "deployments.worker.preload", "__main__", "deployments.worker.child")


# Whoever polls a child takes its exit code out of a pipe, once. Every start polls all children that are left; so does
# the loop: two at once, and one of them would find the pipe empty, which counts as 255.
_polling = threading.Lock()


class Child:
    """One process that carries out one run."""

    def __init__(self, process: ForkServerProcess, orders: Connection) -> None:
        self._process = process
        self._orders = orders

    @property
    def process_id(self) -> int:
        return self._process.pid or 0

    @property
    def is_alive(self) -> bool:
        with _polling:
            return self._process.is_alive()

    def give(self, order: Order) -> None:
        """Hand over the run. Raises BrokenPipeError where the child has died meanwhile."""
        self._orders.send(order)

    async def ended(self) -> int:
        """Wait for the end; return the exit code, negative for a signal, as `Popen.returncode` has it."""
        await anyio.wait_readable(self._process.sentinel)
        with _polling:
            self._process.join()
        self._orders.close()  # had only the fork server died, this ends the child
        _kill_group(self.process_id)  # what the run started ends with it
        return self._process.exitcode or 0

    def terminate(self) -> None:
        """Ask it to end in order."""
        self._process.terminate()

    def kill(self) -> None:
        """End it and whatever it started."""
        if self.is_alive:
            _kill_group(self.process_id)
            self._process.kill()  # it may not have its group yet

    def dismiss(self) -> None:
        """Let a child go that has no run."""
        self._orders.close()


class ChildPool:
    """Children that wait for a run, so that none waits for a child."""

    def __init__(self, spare: int, entrypoints: Sequence[str], log: LogSettings) -> None:
        self._spare = spare
        self._log = log
        self._idle: deque[Child] = deque()
        self._wanted = asyncio.Event()
        self._starting = asyncio.Lock()
        os.environ.update(_ENVIRONMENT)  # the fork server's, which has not started yet
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*_PRELOADED, *_modules(entrypoints)])

    async def keep_filled(self) -> None:
        """Start children whenever fewer than `spare` wait, until cancelled."""
        while True:
            await self.fill()
            self._wanted.clear()
            await self._wanted.wait()

    async def fill(self) -> None:
        """Start what is missing. The first child takes as long as the flows take to be imported."""
        while len(self._idle) < self._spare:
            self._idle.append(await self._start())

    async def take(self) -> Child:
        """Return a living child that waits, or a new one."""
        while self._idle:
            child = self._idle.popleft()
            self._wanted.set()
            if child.is_alive:
                return child
        return await self._start()

    def close(self) -> None:
        """Let go whoever waits."""
        while self._idle:
            self._idle.popleft().dismiss()

    async def _start(self) -> Child:
        async with self._starting:
            return await asyncio.to_thread(_start_child, self._context, self._log)


def _start_child(context: ForkServerContext, log: LogSettings) -> Child:
    reader, writer = context.Pipe(duplex=False)
    # A daemon, or multiprocessing's exit hook would join a child that waits, for ever.
    process = context.Process(target=main, args=(reader, log), daemon=True)
    with _polling:
        process.start()
    reader.close()
    return Child(process, writer)


def _kill_group(process_id: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGKILL)


def _modules(entrypoints: Sequence[str]) -> list[str]:
    """The modules of module-path entrypoints, e.g. `flows.ingest` of `flows.ingest.ingest_payload`."""
    return [entrypoint.rpartition(".")[0] for entrypoint in entrypoints if ":" not in entrypoint]
