"""The received payloads as they are: what the spool, the index and Prefect say of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from itertools import dropwhile, islice
from uuid import UUID

from gateway.config import Settings
from gateway.database import begins
from gateway.errors import Damaged, FromNewerProgram, PrefectUnavailable
from gateway.lookup.digests import NOTHING, Identifiers, LookupKey, have_one_of_each
from gateway.lookup.key import key_to_ask_with
from gateway.operations.associations import broken_off
from gateway.operations.condition.prefect import ask_prefect
from gateway.operations.payload_detail import PayloadDetail, payload_detail
from gateway.operations.payload_view import STATES_OF_RUNS, PayloadState, PayloadView, closed_view, open_view
from gateway.payloads.announcements import Repeats
from gateway.payloads.finding import EVERY_PAYLOAD, PayloadFilter, fits
from gateway.payloads.index import PayloadIndex
from gateway.payloads.payload import Payload
from gateway.payloads.rows import Dispatch, PayloadRow, row_of
from gateway.payloads.studies import PayloadStudy, studies_of
from gateway.runs.reading import runs_by_id
from gateway.runs.run import Run
from gateway.spool.area import SpoolArea, scp_area
from gateway.spool.node import Node, find_node
from gateway.spool.open_groups import open_groups

NOT_SEARCHED = (
    "not all was searched: of payloads that were closed until {:%Y-%m-%d %H:%M:%S %Z} some have no digests made with "
    "this key (docs/finding.md)"
)
_AT_ONCE = 100  # payloads looked up together


def payload_list(settings: Settings, index: PayloadIndex) -> "PayloadList":
    """Return what looks at the payloads of this node, and of all that share its index."""
    spool = settings.paths.spool

    def runs(run_ids: Sequence[UUID]) -> Mapping[UUID, Run]:
        return ask_prefect(settings, lambda api: runs_by_id(api, run_ids))

    quiet_seconds = {entity.ae_title: entity.timeout_seconds for entity in settings.application_entities}
    key = partial(key_to_ask_with, settings)
    bucket = settings.object_store.bucket
    return PayloadList(index, scp_area(spool), find_node(spool), runs, quiet_seconds, key, bucket, settings.run_url)


@dataclass
class PayloadList:
    """Looks at payloads, for one question.

    Where Prefect does not answer that is noted, and what hangs on it is shown as unknown.
    `runs_by_id` asks Prefect for the runs that are still there. `quiet_seconds` after its last instance a payload of an
    AE title is closed. `read_key` gives the key of what payloads are found by, where somebody asks for that; what is
    stored lies in `bucket`, and `run_url` says where Prefect's dashboard shows a run.
    """

    index: PayloadIndex
    area: SpoolArea
    node: Node | None
    runs_by_id: Callable[[Sequence[UUID]], Mapping[UUID, Run]]
    quiet_seconds: Mapping[str, float]
    read_key: Callable[[], LookupKey]
    bucket: str
    run_url: Callable[[UUID | None], str | None]
    prefect_is_away: bool = field(default=False, init=False)
    _on_spool: dict[PayloadFilter, list[PayloadView]] = field(default_factory=dict, init=False)

    @cached_property
    def _key(self) -> LookupKey:
        return self.read_key()

    def lookups(self, identifiers: Identifiers) -> tuple[frozenset[str], ...]:
        """Return what a `PayloadFilter` asks for in place of what a person has, which has no `problem`.

        Raises SettingsError where nothing is kept to find it by, or the key can't be read, and FromNewerProgram.
        """
        return self._key.asked(identifiers) if identifiers != NOTHING else ()

    def not_searched_until(self, wanted: PayloadFilter) -> datetime | None:
        """When the last payload was closed of which nobody can say whether it has what is asked for: it was taken in
        before that was kept, or while it was not, or with a key that is not here. None where there is none.
        """
        return self.index.last_without_lookups(self._key.fingerprints) if wanted.lookups else None

    def not_searched(self, wanted: PayloadFilter) -> str:
        """The same for a person; "" where all were searched."""
        until = self.not_searched_until(wanted)
        return NOT_SEARCHED.format(until.astimezone()) if until else ""

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
        return self.index.count(wanted) + len(self._without_row(wanted))

    def view(self, row: PayloadRow) -> PayloadView:
        return self._look_at([row], self.index.studies([row.payload_id]))[0]

    def detail(self, view: PayloadView) -> PayloadDetail:
        """Return all that is known of a payload that was found."""
        return payload_detail(self.index.work.engine, view, self.bucket, self.run_url(view.run_id))

    def find(self, payload_id: UUID) -> PayloadView | None:
        """Return a payload by its id, whether the index has it or not."""
        if row := self.index.row(payload_id):
            return self.view(row)
        return next((view for view in self._without_row(EVERY_PAYLOAD) if view.id == payload_id), None)

    def matching(self, beginning: str) -> list[PayloadView]:
        """Return payloads whose id begins so, whether the index has them or not; the first few."""
        views = [self.view(row) for row in self.index.matching(beginning)]
        seen = {view.id for view in views}
        others = (view for view in self._without_row(EVERY_PAYLOAD) if view.id not in seen)
        return [*views, *(view for view in others if begins(view.id, beginning))]

    def _views(self, wanted: PayloadFilter, after: PayloadRow | None) -> Iterator[PayloadView]:
        if after is None and not wanted.announced:
            yield from self._without_row(wanted)
        while rows := self.index.newest(_AT_ONCE, wanted, after):
            yield from self._look_at(rows, self.index.studies([row.payload_id for row in rows]))
            after = rows[-1]

    def _without_row(self, wanted: PayloadFilter) -> list[PayloadView]:
        """Those that only the spool has. It is looked through once, for the page and for the total."""
        if wanted not in self._on_spool:
            found = self._not_indexed(wanted)
            studies = {payload.payload_id: tuple(studies_of(payload)) for payload in found}
            closed = self._look_at([row_of(payload) for payload in found], studies)
            self._on_spool[wanted] = [*self._open(wanted), *closed]
        return self._on_spool[wanted]

    def _open(self, wanted: PayloadFilter) -> Iterator[PayloadView]:
        """Those that still receive. None of them was closed at any time, or by anything."""
        if self.node is None or wanted.since or wanted.until or wanted.closed_by:
            return
        key = self._key if wanted.lookups else None
        for group in open_groups(self.area, every_study=wanted.study is not None, lookup_key=key):
            is_wanted = (
                wanted.study in {None, *group.studies}
                and wanted.ae in {None, group.called_ae, group.calling_ae}
                and have_one_of_each(group.lookups, wanted.lookups)
            )
            if is_wanted and self._is_from(wanted.source, group.calling_ae, group.payload_id):
                yield open_view(group, self.node.node_id, self.quiet_seconds.get(group.called_ae))

    def _not_indexed(self, wanted: PayloadFilter) -> list[Payload]:
        """Those in `ready/` that the dispatcher has not seen yet."""
        found, ready = [], self.area.ready_ids()
        seen = {row.payload_id for row in self.index.open_rows(self.node.node_id)} if self.node and ready else set()
        for payload_id in (each for each in reversed(ready) if each not in seen):
            try:
                payload = self.area.read(payload_id)
                is_wanted = fits(payload, wanted) and self._is_from(wanted.source, payload.origin.source, payload_id)
                if is_wanted and self.index.row(payload_id) is None:
                    found.append(payload)
            except (FileNotFoundError, Damaged, FromNewerProgram):  # announced meanwhile; or shown by `mig spool list`
                continue
        return found

    def _is_from(self, source: str | None, calling_ae: str, payload_id: UUID) -> bool:
        return source in {None, calling_ae} or self.index.is_fed_from(payload_id, str(source))

    def _look_at(
        self, rows: Sequence[PayloadRow], studies: Mapping[UUID, tuple[PayloadStudy, ...]]
    ) -> list[PayloadView]:
        runs = self._runs([row.flow_run_id for row in rows if row.flow_run_id])
        broken = broken_off(self.index.work.engine, [row.payload_id for row in rows])
        repeats = self.index.announcements.repeats([row.payload_id for row in rows])
        views = []
        for row in rows:
            run = runs.get(row.flow_run_id) if row.flow_run_id else None
            how, state = broken.get(row.payload_id), self._state(row, run)
            known = row if row.uploaded else replace(row, uploaded=self._uploaded(row))
            view = closed_view(known, state, studies[row.payload_id], run, how)
            again = repeats.get(row.payload_id, Repeats())
            views.append(replace(view, announced_again=again.times, last_announced_again=again.last))
        return views

    def _state(self, row: PayloadRow, run: Run | None) -> PayloadState:
        """The spool comes first where it is ours: a payload that has left `ready/` is announced."""
        if row.state is Dispatch.ANNOUNCED or (self._is_ours(row) and self.area.state(row.payload_id) != "ready"):
            return PayloadState.ANNOUNCED
        if row.flow_run_id and self.prefect_is_away:
            return PayloadState.UNKNOWN
        if run is None:
            return PayloadState.READY
        return PayloadState.WAITING if run.is_waiting else STATES_OF_RUNS[run.state_type]

    def _uploaded(self, row: PayloadRow) -> datetime | None:
        """As the spool knows it, before the index does."""
        return self.area.uploaded(row.payload_id) if self._is_ours(row) else None

    def _is_ours(self, row: PayloadRow) -> bool:
        return self.node is not None and row.node_id == self.node.node_id

    def _runs(self, run_ids: Sequence[UUID]) -> Mapping[UUID, Run]:
        if self.prefect_is_away or not run_ids:
            return {}
        try:
            return self.runs_by_id(run_ids)
        except PrefectUnavailable:
            self.prefect_is_away = True
            return {}
