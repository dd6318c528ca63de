"""What happens inside a child: it waits for one run, carries it out and ends.

Nothing of the gateway's settings is kept from before: a flow reads them when it runs, so that a changed credential
counts at once.
"""

import asyncio
import inspect
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from multiprocessing.connection import Connection
from threading import Thread
from typing import cast

import httpx
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Abort, Pause, TerminationSignal
from prefect.flow_engine import run_flow
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.logging.loggers import flow_run_logger

from deployments.process.logging import configure_logging
from gateway.config.sections import LogSettings


class ChildExit(IntEnum):
    """How a child ends when it ends by itself. Any other exit code is a crash."""

    ENDED = 0  # the run's state is with Prefect
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
    try:
        state = _run(order)
    except (Abort, Pause):
        return ChildExit.ENDED  # Prefect refused to let it start, or holds it: either way it knows
    except TerminationSignal:
        return ChildExit.TERMINATED
    except httpx.TransportError:
        return ChildExit.PREFECT_AWAY
    return ChildExit.WAITS if state.is_scheduled() else ChildExit.ENDED


def _run(order: Order) -> State[object]:
    flow_run = FlowRun.model_validate_json(order.flow_run_json)
    log = flow_run_logger(flow_run)
    try:
        flow: Flow[..., object] = load_flow_from_entrypoint(order.entrypoint, use_placeholder_flow=False)
    except ImportError:
        log.exception("the flow %s can't be loaded", order.entrypoint)
        raise
    outcome = run_flow(flow, flow_run=flow_run, return_type="state")
    if inspect.iscoroutine(outcome):
        outcome = asyncio.run(outcome)
    return cast("State[object]", outcome)
