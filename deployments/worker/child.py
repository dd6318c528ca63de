"""What happens inside a child: it waits for one run, carries it out and ends.

Nothing of the gateway's settings is kept from before: a flow reads them when it runs, so that a changed credential
counts at once.
"""

import asyncio
import inspect
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from multiprocessing.connection import Connection
from threading import Thread
from typing import cast

import httpx
import structlog
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Abort, Pause, TerminationSignal
from prefect.flow_engine import run_flow
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.logging.loggers import flow_run_logger

from deployments.process.logging import configure_logging
from deployments.worker.run_log import cut_run_log
from gateway.config.sections import LogSettings
from gateway.wording import failure

_COMMANDS = {"payload_id": "payload", "export_id": "export", "request_id": "inference"}
"""What an operator says to have the work of a run tried again, by the run's parameter: `mig payload retry`."""


class ChildExit(IntEnum):
    """How a child ends when it ends by itself. FAILED, and any other exit code, is a crash."""

    ENDED = 0  # the run's state is with Prefect
    FAILED = 1  # by what nobody foresaw, which the log tells
    WAITS = 10  # so it is, and the run waits for its next try
    PREFECT_AWAY = 11  # the run is over, and Prefect could not be told
    TERMINATED = 12  # SIGTERM


@dataclass(frozen=True, slots=True)
class Order:
    """The run that a child is to carry out, and where its flow is found."""

    flow_run_json: str  # Prefect's generic State can't be pickled
    entrypoint: str


def main(orders: Connection, log: LogSettings) -> None:
    """Wait for an order and carry it out. The end of the pipe is the end of the worker, and of this process."""
    os.setsid()  # a group of our own: Ctrl-C does not reach it, and whatever a run starts can be ended with it
    configure_logging(log, "worker")
    cut_run_log(log)
    try:
        order: Order = orders.recv()
    except EOFError:
        return
    Thread(target=_end_with_worker, args=(orders,), daemon=True).start()
    raise SystemExit(_carry_out(order))


def _end_with_worker(orders: Connection) -> None:
    with suppress(EOFError, OSError):
        orders.recv()
    os.killpg(0, signal.SIGKILL)


def _carry_out(order: Order) -> ChildExit:
    flow_run = FlowRun.model_validate_json(order.flow_run_json)
    log = structlog.get_logger(__name__).bind(run=flow_run.name, **_work_of(flow_run))
    try:
        state = _run(flow_run, order.entrypoint)
    except (Abort, Pause):
        return ChildExit.ENDED  # Prefect refused to let it start, or holds it: either way it knows
    except TerminationSignal:
        return ChildExit.TERMINATED
    except httpx.TransportError:
        return ChildExit.PREFECT_AWAY
    except Exception:
        log.exception("run ended in a way that nobody foresaw")
        return ChildExit.FAILED
    _tell(log, state, flow_run)
    return ChildExit.WAITS if state.is_scheduled() else ChildExit.ENDED


def _run(flow_run: FlowRun, entrypoint: str) -> State[object]:
    try:
        flow: Flow[..., object] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except ImportError:
        flow_run_logger(flow_run).exception("the flow %s can't be loaded", entrypoint)
        raise
    outcome = run_flow(flow, flow_run=flow_run, return_type="state")
    if inspect.iscoroutine(outcome):
        outcome = asyncio.run(outcome)
    return cast("State[object]", outcome)


def _tell(log: structlog.stdlib.BoundLogger, state: State[object], flow_run: FlowRun) -> None:
    """Say in one line what Prefect says in many, a traceback for each try among them."""
    if state.is_scheduled():
        log.info("run waits", reason=state.message)
    elif state.is_failed() or state.is_crashed():
        log.error("run failed", reason=_reason(state), **_next_step(flow_run))


def _reason(state: State[object]) -> str:
    """Why it has failed: the flow's own sentence, or that of the error that ended it."""
    error = getattr(state.data, "result", state.data)  # Prefect wraps it in a record where it may keep results
    return failure(error) if isinstance(error, Exception) else state.message or ""


def _work_of(flow_run: FlowRun) -> Mapping[str, str]:
    """The id of the payload, export or request that it is for."""
    parameters = flow_run.parameters
    return {name.removesuffix("_id"): str(parameters[name]) for name in _COMMANDS if name in parameters}


def _next_step(flow_run: FlowRun) -> Mapping[str, str]:
    named = [(command, flow_run.parameters[name]) for name, command in _COMMANDS.items() if name in flow_run.parameters]
    return {"then": " or ".join(f"mig {command} retry {work_id}" for command, work_id in named)} if named else {}
