"""`mig up`: the process."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from deployments.process.log_rendering import render_line
from deployments.process.stopping import stop_on_signals
from deployments.process.waking import wait_for_any
from deployments.up.ending import end_all
from deployments.up.part import Part
from deployments.up.parts import CONSUMER, PREFECT, ROLES_OF_PREFECT, plans
from deployments.up.ports import check_ports
from deployments.up.welcome import welcome
from gateway.config import Settings
from gateway.network.addresses import written
from gateway.roles import holder, only_one, runs_already

_log = structlog.get_logger()


def serve(settings: Settings) -> None:
    """Run everything until SIGTERM.

    Raises SettingsError where the settings ask for what can't be had, AlreadyRunning where a part runs already.
    """
    with only_one(settings.data_dir, "up"):
        for role in (CONSUMER, *ROLES_OF_PREFECT):
            if running := holder(settings.data_dir, role):
                raise runs_already(settings.data_dir, role, running)
        check_ports(settings)
        asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopping = stop_on_signals()
    gateway = Gateway([Part(plan, _show_in(settings.log.format)) for plan in plans(settings)])
    bringing_up = gateway.watch(_bring_up(gateway, settings))
    await wait_for_any(gateway.failed, stopping.in_order)
    bringing_up.cancel()
    _log.info("ending all parts")
    await end_all(gateway.parts, stopping.at_once)
    _log.info("all parts have ended")
    if gateway.failure:
        raise gateway.failure


@dataclass
class Gateway:
    """The parts, and the first failure that ends them all."""

    parts: Sequence[Part]
    failed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    failure: BaseException | None = field(default=None, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def watch(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note)
        return task

    def _note(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            self.failure = self.failure or failure
            self.failed.set()


async def _bring_up(gateway: Gateway, settings: Settings) -> None:
    begun = time.monotonic()
    for part in gateway.parts:
        gateway.watch(part.keep_running())
    for part in gateway.parts:
        if part.plan.name != PREFECT:  # whose answer makes the worker ready
            await part.ready.wait()
    _say_ready(settings, time.monotonic() - begun)


def _say_ready(settings: Settings, seconds: float) -> None:
    if not settings.scp.reject_unknown_sources:
        _log.warning("scp.reject_unknown_sources is false: anybody may send")
    if settings.spool.durability == "os":
        _log.warning('spool.durability is "os": what was received survives kill -9, but not a power cut')
    _log.info(
        "ready",
        ready=True,
        dicom=" ".join(written(host, settings.scp.port) for host in settings.scp.hosts),
        ae_titles=" ".join(entity.ae_title for entity in settings.application_entities),
        api=" ".join(f"http://{written(host, settings.api.port)}" for host in settings.api.hosts),
        dashboard=settings.dashboard_url,
        data=str(settings.data_dir),
        after_seconds=round(seconds, 1),
    )
    if settings.log.format == "text":
        sys.stderr.write(welcome(settings))
        sys.stderr.flush()


def _show_in(log_format: str) -> Callable[[Mapping[str, Any]], None]:
    """Return what writes a part's record to our own log, in the format that this has."""
    colour = sys.stderr.isatty()

    def show(record: Mapping[str, Any]) -> None:
        line = json.dumps(record) if log_format == "json" else render_line(dict(record), colour=colour)
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    return show
