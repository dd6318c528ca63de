"""The received payloads as they are: what the spool, the index and Prefect say of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import dropwhile, islice
from uuid import UUID

from gateway.config import Settings
from gateway.errors import Damaged, FromNewerProgram, PrefectUnavailable
from gateway.operations.associations import broken_off
from gateway.operations.payload_view import STATES_OF_RUNS, PayloadState, PayloadView, closed_view, open_view
from gateway.payloads.finding import EVERY_PAYLOAD, PayloadFilter
from gateway.payloads.index import PayloadIndex
from gateway.payloads.payload import Payload
from gateway.payloads.rows import Dispatch, PayloadRow, row_of
from gateway.payloads.studies import PayloadStudy, studies_of
from gateway.runs.api import asked
from gateway.runs.reading import runs_by_id
from gateway.runs.run import Run
from gateway.spool.area import SpoolArea, scp_area
from gateway.spool.node import Node, find_node
from gateway.spool.open_groups import open_groups

_ANSWER_SECONDS = 2.5
_AT_ONCE = 100  # payloads looked up together
_ENOUGH = 2  # to see that an id is not the only one


def payload_list(settings: Settings, index: PayloadIndex) -> "PayloadList":
    """Return what looks at the payloads of this node, and of all that share its index."""
    url, spool = settings.prefect_api_url, settings.paths.spool

    def runs(run_ids: Sequence[UUID]) -> Mapping[UUID, Run]:
        return asked(url, lambda api: runs_by_id(api, run_ids), answer_seconds=_ANSWER_SECONDS)

    quiet_seconds = {entity.ae_title: entity.timeout_seconds for entity in settings.application_entities}
    return PayloadList(index, scp_area(spool), find_node(spool), runs, quiet_seconds)


@dataclass
class PayloadList:
    """Looks at payloads. Where Prefect does not answer that is noted, and what hangs on it is shown as unknown.

    `runs_by_id` asks Prefect for the runs that are still there. `quiet_seconds` after its last instance a payload of an
    AE title is closed.
    """

    index: PayloadIndex
    area: SpoolArea
    node: Node | None
    runs_by_id: Callable[[Sequence[UUID]], Mapping[UUID, Run]]
    quiet_seconds: Mapping[str, float]
    prefect_is_away: bool = field(default=False, init=False)

    def page(
        self,
        limit: int,
        wanted: PayloadFilter = EVERY_PAYLOAD,
        state: PayloadState | None = None,
        after: UUID | None = None,
    ) -> list[PayloadView]:
        """Return payloads, the newest first, from the one that follows `after`: pages don't move as payloads come in.

        Where a state is given, those in it.
        """
        if state is not None:
            wanted = replace(wanted, announced=state is PayloadState.ANNOUNCED)
        row = self.index.row(after) if after else None
        views = self._views(wanted, row)
        if after and row is None:  # one that the index does not have yet
            views = islice(dropwhile(lambda view: view.id != after, views), 1, None)
        return list(islice((view for view in views if state in {None, view.state}), limit))

    def total(self, wanted: PayloadFilter, state: PayloadState | None) -> int | None:
        """How many there are in all; None where Prefect would have to be asked for each."""
        if state not in {None, PayloadState.ANNOUNCED}:
            return None
        if state is PayloadState.ANNOUNCED:
            return self.index.count(replace(wanted, announced=True))
        return self.index.count(wanted) + len(self._not_indexed(wanted)) + len(list(self._open(wanted)))

    def view(self, row: PayloadRow) -> PayloadView:
        return self._look_at([row], self.index.studies([row.payload_id]))[0]

    def matching(self, beginning: str) -> list[PayloadView]:
        """Return payloads whose id begins so, whether the index has them or not; two at most."""
        rows = self.index.matching(beginning)
        views = [self.view(row) for row in rows]
        if len(views) < _ENOUGH:
            seen = {row.payload_id for row in rows}
            others = (view for view in self._views(EVERY_PAYLOAD, None, indexed=False) if view.id not in seen)
            views += islice((view for view in others if _begins(view.id, beginning)), _ENOUGH)
        return views

    def _views(self, wanted: PayloadFilter, after: PayloadRow | None, *, indexed: bool = True) -> Iterator[PayloadView]:
        if after is None and not wanted.announced:
            yield from self._open(wanted)
            found = self._not_indexed(wanted)
            yield from self._look_at(
                [row_of(payload) for payload in found],
                {payload.payload_id: tuple(studies_of(payload)) for payload in found},
            )
        while indexed and (rows := self.index.newest(_AT_ONCE, wanted, after)):
            yield from self._look_at(rows, self.index.studies([row.payload_id for row in rows]))
            after = rows[-1]

    def _open(self, wanted: PayloadFilter) -> Iterator[PayloadView]:
        """Those that still receive. None of them was closed at any time, or by anything."""
        if self.node is None or wanted.since or wanted.until or wanted.closed_by:
            return
        for group in open_groups(self.area, every_study=wanted.study is not None):
            if wanted.study in {None, *group.studies} and wanted.ae in {None, group.called_ae, group.calling_ae}:
                yield open_view(group, self.node.node_id, self.quiet_seconds.get(group.called_ae))

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
        broken = broken_off(self.index.work.engine, [row.payload_id for row in rows])
        views = []
        for row in rows:
            run = runs.get(row.flow_run_id) if row.flow_run_id else None
            how, state = broken.get(row.payload_id), self._state(row, run)
            views.append(closed_view(row, state, studies[row.payload_id], run, how))
        return views

    def _state(self, row: PayloadRow, run: Run | None) -> PayloadState:
        """The spool comes first where it is ours: a payload that has left `ready/` is announced."""
        is_ours = self.node is not None and row.node_id == self.node.node_id
        if row.state is Dispatch.ANNOUNCED or (is_ours and self.area.state(row.payload_id) != "ready"):
            return PayloadState.ANNOUNCED
        if row.flow_run_id and self.prefect_is_away:
            return PayloadState.UNKNOWN
        if run is None:
            return PayloadState.READY
        return PayloadState.WAITING if run.is_waiting else STATES_OF_RUNS[run.state_type]

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


def _begins(payload_id: UUID, beginning: str) -> bool:
    return payload_id.hex.startswith(beginning.replace("-", "").lower())
