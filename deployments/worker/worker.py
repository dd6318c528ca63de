"""The worker type `gateway`: it claims runs, hands each to a child and reports how that ended."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio.abc
import structlog
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus, WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Pending
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from deployments.prefect_side.prefect_api import prefect_errors
from deployments.process.ownership import claim_text, process_text
from deployments.worker.child import Order
from deployments.worker.children import ChildPool
from deployments.worker.settlement import Ending, RunInHand, settle
from gateway.config.sections import LogSettings
from gateway.errors import NotInPrefect, PrefectUnavailable
from gateway.runs.api import PrefectApi
from gateway.runs.reading import RunFilter, find_runs
from gateway.runs.run import Run, StateType
from gateway.runs.states import mark_cancelled, mark_failed

_log = structlog.get_logger()

_NOT_OURS = (
    "Refused: the gateway's workers carry out its own flows only, and its deployment names {}. A flow of the site's "
    "own is named in worker.other_flows of the settings, as module.function."
)
_MOST_QUOTED = 200  # characters


class GatewayResult(BaseWorkerResult):
    """How a run's process ended."""


class GatewayWorker(BaseWorker[BaseJobConfiguration, BaseVariables, GatewayResult]):
    """Runs flows in prestarted children that have everything imported.

    `in_hand` holds every run that it has claimed until Prefect knows the run's end; `look_again` is set when it is
    worth looking for runs; `at_once`, once set, means that nothing is waited for any longer. A cancelled run is killed
    where it has not ended in order after `cancel_seconds`.

    Only `flows` are carried out, each as `module.function`: who may write to Prefect may start runs, and what a
    deployment there names as its code may be any file that we can read.
    """

    type = "gateway"
    _description = "Runs the gateway's flows in prestarted processes."

    def __init__(
        self,
        *arguments: Any,
        children: ChildPool | None = None,
        flows: Collection[str] = (),
        cancel_seconds: float = 30.0,
        **options: Any,
    ) -> None:
        # A prefetched run, one that waits for its time, would hold a place until then.
        super().__init__(*arguments, **{"limit": 1, **options, "prefetch_seconds": 0})
        self.children = children or ChildPool(spare=1, entrypoints=(), log=LogSettings())
        self.flows = frozenset(flows)
        self.cancel_seconds = cancel_seconds
        self.in_hand: dict[UUID, RunInHand] = {}
        self.api: PrefectApi  # once it is set up
        self.look_again = asyncio.Event()
        self.at_once = asyncio.Event()
        self._entrypoints: dict[UUID, str] = {}

    @property
    def has_room(self) -> bool:
        """Whether it may claim another run."""
        return self.limiter.available_tokens > 0

    @property
    def pool_name(self) -> str:
        return self._work_pool_name

    @property
    def queues(self) -> list[str]:
        return sorted(self._work_queues)

    async def setup(self) -> None:
        # Before all else, and so closed last: the end of each run in hand is told over it.
        self.api = await self._exit_stack.enter_async_context(PrefectApi(str(PREFECT_API_URL.value())))
        await super().setup()

    async def runs_in(self, types: Collection[StateType]) -> list[Run]:
        """Return the runs of its queues that are in one of these states."""
        return await find_runs(self.api, RunFilter(self.pool_name, self.queues, types))

    async def sync_with_backend(self) -> None:
        await super().sync_with_backend()
        self._entrypoints.clear()  # a deployment may have been updated

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Look for runs that are due, and start as many as there is room for.

        The stock method asks for two hundred each time, which makes a backlog slower the longer it is.
        """
        if not self._has_successfully_synced:
            return []
        places = int(self.limiter.total_tokens)
        response = await self.client.request(
            "POST",
            "/work_pools/{name}/get_scheduled_flow_runs",
            path_params={"name": self.pool_name},
            json={
                "work_queue_names": self.queues,
                "scheduled_before": datetime.now(UTC).isoformat(),
                "limit": 2 * places,  # those that are being claimed just now are listed as well
            },
        )
        found = WorkerFlowRunResponse.model_validate_list(response.json())
        return await self._submit_scheduled_flow_runs(flow_run_response=found)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> GatewayResult:
        """Carry out a run that is Pending. The stock `_submit_run` comes by here, ours does not."""
        run = self.in_hand.setdefault(flow_run.id, RunInHand(flow_run.id))
        try:
            entrypoint = await self._entrypoint(flow_run) or ""
            if not await self._refuses(flow_run, entrypoint):
                await self._in_child(flow_run, run, entrypoint)
            if task_status:
                task_status.started(0)
            await settle(self.api, run, self.at_once)
        finally:
            self.in_hand.pop(flow_run.id, None)
        return GatewayResult(status_code=0, identifier=str(flow_run.id))

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Claim, carry out, report. The stock method makes six more requests on the way to Running."""
        run = self.in_hand[flow_run.id] = RunInHand(flow_run.id)
        try:
            with prefect_errors():
                carried_out = await self._claim_and_carry_out(flow_run, run)
            self._free_place(flow_run.id)
            if carried_out:
                await settle(self.api, run, self.at_once)
        except NotInPrefect:
            _log.info("run given up: it was deleted", run=flow_run.name)
        except PrefectUnavailable as error:
            _log.warning("run not started: it will be found again", run=flow_run.name, reason=str(error))
        except Exception:  # noqa: BLE001 - the outermost frame of a run: its trouble must not end the others
            _log.exception("run not carried out: it will be found again", run=flow_run.name)
        finally:
            self.in_hand.pop(flow_run.id, None)
            self._submitting_flow_run_ids.discard(flow_run.id)
            self._free_place(flow_run.id)

    async def _claim_and_carry_out(self, flow_run: FlowRun, run: RunInHand) -> bool:
        entrypoint = await self._entrypoint(flow_run)
        if entrypoint is None:
            await mark_cancelled(self.api, flow_run.id, "Cancelled: its deployment was deleted.")
            return False
        if await self._refuses(flow_run, entrypoint) or not await self._claim(flow_run):
            return False
        await self._in_child(flow_run, run, entrypoint)
        return True

    async def _entrypoint(self, flow_run: FlowRun) -> str | None:
        """Where the run's flow is found; None where its deployment is gone."""
        deployment_id = flow_run.deployment_id
        if deployment_id is not None and deployment_id not in self._entrypoints:
            try:
                deployment = await self.client.read_deployment(deployment_id)
            except ObjectNotFound:
                return None
            self._entrypoints[deployment_id] = deployment.entrypoint or ""
        return self._entrypoints[deployment_id] if deployment_id else None

    async def _refuses(self, flow_run: FlowRun, entrypoint: str) -> bool:
        """Whether the run's flow is none of ours; then the run has failed."""
        if entrypoint in self.flows:
            return False
        named = repr(entrypoint[:_MOST_QUOTED])
        _log.warning("run refused: its flow is none of the gateway's", run=flow_run.name, flow=named)
        await mark_failed(self.api, flow_run.id, _NOT_OURS.format(named))
        return True

    async def _claim(self, flow_run: FlowRun) -> bool:
        pending: State[Any] = Pending(message=claim_text(self.name))
        result = await self.client.set_flow_run_state(flow_run.id, pending)
        if result.status is not SetStateStatus.ACCEPT or result.state is None:
            return False  # another worker was quicker, it was cancelled, or a limit holds it back
        flow_run.state = result.state
        return True

    async def _in_child(self, flow_run: FlowRun, run: RunInHand, entrypoint: str) -> None:
        """Have a child carry the run out; return when the child has ended."""
        child = await self.children.take()
        try:
            # Before the child is told: a Running run always names its process.
            await self.client.update_flow_run(flow_run.id, infrastructure_pid=process_text(self.name, child.process_id))
            if run.ending is not Ending.ITSELF:  # cancelled or cut while it was claimed
                child.dismiss()
                return
            child.give(Order(flow_run.model_dump_json(), entrypoint))
        except BaseException:
            child.dismiss()
            raise
        run.child = child
        log = _log.bind(run=flow_run.name, run_id=str(flow_run.id))
        log.info("run started", process=child.process_id)
        run.exit_code = await child.ended()
        log.info("run ended", exit_code=run.exit_code)

    def _free_place(self, run_id: UUID) -> None:
        self._release_limit_slot(run_id)
        self.look_again.set()
