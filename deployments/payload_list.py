"""The received payloads as they are: what the index, the spool and Prefect say of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from uuid import UUID

from gateway.errors import Damaged, FromNewerProgram, PrefectUnavailable
from gateway.payloads.index import Dispatch, PayloadIndex, PayloadRow, row_of
from gateway.runs.run import Run, StateType
from gateway.spool.area import SpoolArea
from gateway.spool.node import Node

ANNOUNCED = "announced"

_AT_ONCE = 100  # payloads looked up together
_STATES_OF_RUNS = {
    StateType.SCHEDULED: "scheduled",
    StateType.PENDING: "running",
    StateType.RUNNING: "running",
    StateType.CANCELLING: "running",
    StateType.PAUSED: "scheduled",
    StateType.COMPLETED: "running",  # and about to leave `ready/`, or to have another run
    StateType.FAILED: "failed",
    StateType.CRASHED: "crashed",
    StateType.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class PayloadView:
    """One payload, for a person. `message` is that of its run: why it waits, or why it failed."""

    id: UUID
    state: str
    called_ae: str
    calling_ae: str
    instances: int
    bytes: int
    opened: datetime
    closed: datetime
    closed_by: str
    supplements: UUID | None
    node: UUID
    announced: datetime | None
    attempt: int
    run_id: UUID | None
    run_state: str | None
    message: str | None


@dataclass
class PayloadList:
    """Looks at payloads. Where Prefect does not answer that is noted, and what hangs on it is shown as unknown.

    `runs_by_id` asks Prefect for the runs that are still there.
    """

    index: PayloadIndex
    area: SpoolArea
    node: Node
    runs_by_id: Callable[[Sequence[UUID]], Mapping[UUID, Run]]
    prefect_is_away: bool = field(default=False, init=False)

    @property
    def states(self) -> tuple[str, ...]:
        """Every state that a payload may be in."""
        return (ANNOUNCED, "ready", "waiting", *dict.fromkeys(_STATES_OF_RUNS.values()), "unknown")

    def page(self, limit: int, offset: int, state: str | None = None) -> list[PayloadView]:
        """Return payloads, the newest first; where a state is given, those in it."""
        views = self._views(None if state is None else state == ANNOUNCED)
        return list(islice((view for view in views if state in {None, view.state}), offset, offset + limit))

    def view(self, row: PayloadRow) -> PayloadView:
        return self._look_at([row])[0]

    def _views(self, announced: bool | None) -> Iterator[PayloadView]:
        if not announced:
            yield from self._look_at(self._not_indexed())
        offset = 0
        while rows := self.index.newest(_AT_ONCE, offset, announced=announced):
            yield from self._look_at(rows)
            offset += len(rows)

    def _not_indexed(self) -> list[PayloadRow]:
        """Those in `ready/` that the dispatcher has not seen yet."""
        rows = []
        for payload_id in reversed(self.area.ready_ids()):
            try:
                if self.index.row(payload_id) is None:
                    rows.append(row_of(self.area.read(payload_id)))
            except (FileNotFoundError, Damaged, FromNewerProgram):  # announced meanwhile; or shown by `mig spool list`
                continue
        return rows

    def _look_at(self, rows: Sequence[PayloadRow]) -> list[PayloadView]:
        runs = self._runs([row.flow_run_id for row in rows if row.flow_run_id])
        return [self._view(row, runs.get(row.flow_run_id) if row.flow_run_id else None) for row in rows]

    def _view(self, row: PayloadRow, run: Run | None) -> PayloadView:
        return PayloadView(
            id=row.payload_id,
            state=self._state(row, run),
            called_ae=row.called_ae,
            calling_ae=row.calling_ae,
            instances=row.instances,
            bytes=row.bytes,
            opened=row.opened,
            closed=row.closed,
            closed_by=row.closed_by,
            supplements=row.supplements,
            node=row.node_id,
            announced=row.announced,
            attempt=row.attempt,
            run_id=row.flow_run_id,
            run_state=run.state_name if run else None,
            message=run.message if run else None,
        )

    def _state(self, row: PayloadRow, run: Run | None) -> str:
        """The spool comes first where it is ours: a payload that has left `ready/` is announced."""
        is_ours = row.node_id == self.node.node_id
        if row.state is Dispatch.ANNOUNCED or (is_ours and self.area.state(row.payload_id) != "ready"):
            return ANNOUNCED
        if row.flow_run_id and self.prefect_is_away:
            return "unknown"
        if run is None:
            return "ready"
        return "waiting" if run.is_waiting else _STATES_OF_RUNS[run.state_type]

    def _runs(self, run_ids: Sequence[UUID]) -> Mapping[UUID, Run]:
        if self.prefect_is_away or not run_ids:
            return {}
        try:
            return self.runs_by_id(run_ids)
        except PrefectUnavailable:
            self.prefect_is_away = True
            return {}
