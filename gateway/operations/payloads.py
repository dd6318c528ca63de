"""The received payloads as they are: what the spool, the index and Prefect say of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from uuid import UUID

from gateway.config import Settings
from gateway.errors import Damaged, FromNewerProgram, PrefectUnavailable
from gateway.payloads.finding import EVERY_PAYLOAD, PayloadFilter
from gateway.payloads.index import PayloadIndex
from gateway.payloads.payload import Payload
from gateway.payloads.rows import Dispatch, PayloadRow, row_of
from gateway.payloads.studies import PayloadStudy, studies_of
from gateway.runs.api import asked
from gateway.runs.reading import runs_by_id
from gateway.runs.run import Run, StateType
from gateway.spool.area import SpoolArea, scp_area
from gateway.spool.node import Node, find_node

_ANSWER_SECONDS = 2.5
_AT_ONCE = 100  # payloads looked up together


class PayloadState(StrEnum):
    """Where a payload is."""

    ANNOUNCED = "announced"
    READY = "ready"
    WAITING = "waiting"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    FAILED = "failed"
    CRASHED = "crashed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


_STATES_OF_RUNS = {
    StateType.SCHEDULED: PayloadState.SCHEDULED,
    StateType.PENDING: PayloadState.RUNNING,
    StateType.RUNNING: PayloadState.RUNNING,
    StateType.CANCELLING: PayloadState.RUNNING,
    StateType.PAUSED: PayloadState.SCHEDULED,
    StateType.COMPLETED: PayloadState.RUNNING,  # and about to leave `ready/`, or to have another run
    StateType.FAILED: PayloadState.FAILED,
    StateType.CRASHED: PayloadState.CRASHED,
    StateType.CANCELLED: PayloadState.CANCELLED,
}
_NEXT_STEPS = {
    PayloadState.READY: "the dispatcher asks for its run: `mig status` says whether it is up",
    PayloadState.WAITING: "see to what it waits for: then it goes on by itself, or at once by `mig payload retry {id}`",
    PayloadState.FAILED: "put right what the message says, then `mig payload retry {id}`",
    PayloadState.CRASHED: "it starts again by itself; if it does not, `mig payload retry {id}`",
    PayloadState.CANCELLED: "it stays on the spool until `mig payload retry {id}`",
    PayloadState.UNKNOWN: "see to Prefect: `mig status`",
}


@dataclass(frozen=True, slots=True)
class PayloadView:
    """One payload, for a person. `message` is that of its run: why it waits, or why it failed.

    Its objects lie below `prefix` in the bucket. `opened` is the time of its first instance, `run_asked` that at which
    its last run was asked for.
    """

    id: UUID
    state: PayloadState
    called_ae: str
    calling_ae: str
    instances: int
    bytes: int
    studies: tuple[PayloadStudy, ...]
    opened: datetime
    last_received: datetime | None
    closed: datetime
    closed_by: str
    supplements: UUID | None
    node: UUID
    run_asked: datetime | None
    announced: datetime | None
    prefix: str
    attempt: int
    run_id: UUID | None
    run_state: str | None
    message: str | None
    next_step: str


def payload_list(settings: Settings, index: PayloadIndex) -> "PayloadList":
    """Return what looks at the payloads of this node, and of all that share its index."""
    url, spool = settings.prefect_api_url, settings.paths.spool

    def runs(run_ids: Sequence[UUID]) -> Mapping[UUID, Run]:
        return asked(url, lambda api: runs_by_id(api, run_ids), answer_seconds=_ANSWER_SECONDS)

    return PayloadList(index, scp_area(spool), find_node(spool), runs)


@dataclass
class PayloadList:
    """Looks at payloads. Where Prefect does not answer that is noted, and what hangs on it is shown as unknown.

    `runs_by_id` asks Prefect for the runs that are still there.
    """

    index: PayloadIndex
    area: SpoolArea
    node: Node | None
    runs_by_id: Callable[[Sequence[UUID]], Mapping[UUID, Run]]
    prefect_is_away: bool = field(default=False, init=False)

    def page(
        self,
        limit: int,
        wanted: PayloadFilter = EVERY_PAYLOAD,
        state: PayloadState | None = None,
        after: PayloadRow | None = None,
    ) -> list[PayloadView]:
        """Return payloads, the newest first, from the one that follows `after`: pages don't move as payloads come in.

        Where a state is given, those in it.
        """
        if state is not None:
            wanted = replace(wanted, announced=state is PayloadState.ANNOUNCED)
        views = self._views(wanted, after)
        return list(islice((view for view in views if state in {None, view.state}), limit))

    def total(self, wanted: PayloadFilter, state: PayloadState | None) -> int | None:
        """How many there are in all; None where Prefect would have to be asked for each."""
        if state not in {None, PayloadState.ANNOUNCED}:
            return None
        if state is PayloadState.ANNOUNCED:
            return self.index.count(replace(wanted, announced=True))
        return self.index.count(wanted) + len(self._not_indexed(wanted))

    def view(self, row: PayloadRow) -> PayloadView:
        return self._look_at([row], self.index.studies([row.payload_id]))[0]

    def _views(self, wanted: PayloadFilter, after: PayloadRow | None) -> Iterator[PayloadView]:
        if after is None and not wanted.announced:
            found = self._not_indexed(wanted)
            yield from self._look_at(
                [row_of(payload) for payload in found],
                {payload.payload_id: tuple(studies_of(payload)) for payload in found},
            )
        while rows := self.index.newest(_AT_ONCE, wanted, after):
            yield from self._look_at(rows, self.index.studies([row.payload_id for row in rows]))
            after = rows[-1]

    def _not_indexed(self, wanted: PayloadFilter) -> list[Payload]:
        """Those in `ready/` that the dispatcher has not seen yet."""
        found = []
        for payload_id in reversed(self.area.ready_ids()):
            try:
                if self.index.row(payload_id) is None and is_wanted(payload := self.area.read(payload_id), wanted):
                    found.append(payload)
            except (FileNotFoundError, Damaged, FromNewerProgram):  # announced meanwhile; or shown by `mig spool list`
                continue
        return found

    def _look_at(
        self, rows: Sequence[PayloadRow], studies: Mapping[UUID, tuple[PayloadStudy, ...]]
    ) -> list[PayloadView]:
        runs = self._runs([row.flow_run_id for row in rows if row.flow_run_id])
        return [
            self._view(row, studies[row.payload_id], runs.get(row.flow_run_id) if row.flow_run_id else None)
            for row in rows
        ]

    def _view(self, row: PayloadRow, studies: tuple[PayloadStudy, ...], run: Run | None) -> PayloadView:
        state = self._state(row, run)
        return PayloadView(
            id=row.payload_id,
            state=state,
            called_ae=row.called_ae,
            calling_ae=row.calling_ae,
            instances=row.instances,
            bytes=row.bytes,
            studies=studies,
            opened=row.opened,
            last_received=row.last_received,
            closed=row.closed,
            closed_by=row.closed_by,
            supplements=row.supplements,
            node=row.node_id,
            run_asked=run.created if run else None,
            announced=row.announced,
            prefix=f"{row.payload_id}/",
            attempt=row.attempt,
            run_id=row.flow_run_id,
            run_state=run.state_name if run else None,
            message=run.message if run else None,
            next_step=_NEXT_STEPS.get(state, "").format(id=str(row.payload_id)[:8]),
        )

    def _state(self, row: PayloadRow, run: Run | None) -> PayloadState:
        """The spool comes first where it is ours: a payload that has left `ready/` is announced."""
        is_ours = self.node is not None and row.node_id == self.node.node_id
        if row.state is Dispatch.ANNOUNCED or (is_ours and self.area.state(row.payload_id) != "ready"):
            return PayloadState.ANNOUNCED
        if row.flow_run_id and self.prefect_is_away:
            return PayloadState.UNKNOWN
        if run is None:
            return PayloadState.READY
        return PayloadState.WAITING if run.is_waiting else _STATES_OF_RUNS[run.state_type]

    def _runs(self, run_ids: Sequence[UUID]) -> Mapping[UUID, Run]:
        if self.prefect_is_away or not run_ids:
            return {}
        try:
            return self.runs_by_id(run_ids)
        except PrefectUnavailable:
            self.prefect_is_away = True
            return {}


def is_wanted(payload: Payload, wanted: PayloadFilter) -> bool:
    """The same as the index asks of its rows, of a payload that it does not have yet."""
    row = row_of(payload)
    return (
        not wanted.announced
        and wanted.study in {None, *(instance.study_instance_uid for instance in payload.instances)}
        and wanted.ae in {None, row.called_ae, row.calling_ae}
        and (wanted.since is None or row.closed >= wanted.since)
        and (wanted.until is None or row.closed < wanted.until)
        and wanted.closed_by in {None, row.closed_by}
    )
