"""Received payloads as a kind of work. Their truth is this node's spool; the database is an index beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.errors import Damaged, FromNewerProgram
from gateway.events.port import Message
from gateway.log import Logger
from gateway.payloads.announcements import decode_message
from gateway.payloads.index import PayloadIndex
from gateway.payloads.payload import Payload
from gateway.payloads.rows import WORK, of_node
from gateway.runs.run import WantedRun
from gateway.spool.area import SpoolArea
from gateway.spool.node import Node
from gateway.work.commands import OperatorCommand
from gateway.work.kind import OwnCommands, Probe
from gateway.work.ledger import WorkLedger
from gateway.work.rows import Work
from gateway.work.transitions import Event
from gateway.work.waiting import WaitRow

_log = Logger(__name__)


@dataclass
class PayloadWork:
    """The payloads in `ready/` of this node. A run that has failed, or was cancelled, stands until it is retried."""

    index: PayloadIndex
    area: SpoolArea
    node: Node
    deployment: str = "ingest/ingest"
    most_queued: None = None  # they are what senders wait for: others leave room for them
    ended_by: frozenset[Event] = frozenset()
    own_commands: OwnCommands = field(default_factory=dict)
    _recorded: set[UUID] | None = field(default=None, init=False)  # not announced, as the index has them
    _read: dict[UUID, Payload] = field(default_factory=dict, init=False)  # about to be given a run
    _damaged: set[UUID] = field(default_factory=set, init=False)

    @property
    def ledger(self) -> WorkLedger:
        return WorkLedger(self.index.work.engine, WORK, of_node(self.node.node_id))

    def refresh(self, now: datetime) -> None:
        """Record what is new in `ready/`, and note what has left it. An index that was lost is filled again."""
        is_first = self._recorded is None
        if self._recorded is None:
            self._recorded = {row.payload_id for row in self.index.open_rows(self.node.node_id)}
        ready = self.area.ready_ids()
        for payload_id in self.area.announcement_ids():
            self._take_announcement(payload_id)
        for payload_id in self._recorded - set(ready):
            stored, began = self.area.uploaded(payload_id), self.area.run_began(payload_id)
            self.index.note_announced(payload_id, now, stored, began)
            self.area.forget_uploaded(payload_id)
            self._recorded.discard(payload_id)
        for payload_id in ready:
            if payload_id not in self._recorded and payload_id not in self._damaged:
                self._record(payload_id)
        if is_first:
            self._forget_strangers(ready)

    def wanted_run(self, work: Work) -> WantedRun | None:
        payload = self._read.pop(work.work_id, None) or self._payload(work.work_id)
        if payload is None:
            return None
        return WantedRun(
            idempotency_key=f"{payload.payload_id}:{work.attempt}",
            parameters={"payload_id": str(payload.payload_id)},
            name=_name(payload),
            tags=_tags(payload),
            work_queue=self.node.work_queue,
        )

    def is_open(self, work: Work) -> bool:
        return self.area.state(work.work_id) == "ready"

    def run_ended(self, work: Work, event: Event, message: str, now: datetime) -> None:
        """Its run stands for it, however it ended: see `ended_by`."""

    def refusal(self, work: Work, command: OperatorCommand) -> str | None:
        if work.state in WORK.transitions.ends or not self._may_be_open(work):
            return "it is announced"
        return None if work.flow_run_id else "it has no run yet: the dispatcher asks for one"

    def before_retry(self, work: Work) -> None:
        """Nothing speaks against it but its own waits."""

    def cancelled(self, work: Work, now: datetime, *, run_is_over: bool) -> bool:
        """Its run is over, and stands for it: what was received stays on the spool, and can be retried."""
        seen_now = self.ledger.find(work.work_id)
        return seen_now is not None and seen_now.flow_run_id == work.flow_run_id

    def event_of(self, work_id: UUID) -> Message | None:
        return self._announcement(work_id) if self.area.state(work_id) == "ready" else None

    def probe_for(self, wait: WaitRow) -> Probe | None:
        return None

    def _may_be_open(self, work: Work) -> bool:
        """Whether it may still be there: one of another node's spool can't be looked at."""
        row = self.index.row(work.work_id)
        return row is None or row.node_id != self.node.node_id or self.is_open(work)

    def _take_announcement(self, payload_id: UUID) -> None:
        """Into the database. As long as the payload is in `ready/` it may yet be announced with another."""
        if self.area.state(payload_id) == "ready":
            return
        if message := self._announcement(payload_id):
            self.index.announcements.keep(payload_id, message)
        self.area.announcement(payload_id).unlink(missing_ok=True)

    def _announcement(self, payload_id: UUID) -> Message | None:
        """What its run has left here before it published that, or tried to."""
        try:
            return decode_message(self.area.announcement(payload_id).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            _log.error("what a payload was announced with can't be read", payload=str(payload_id))
            return None

    def _record(self, payload_id: UUID) -> None:
        assert self._recorded is not None
        if payload := self._payload(payload_id):
            row = self.index.record(payload)
            self._recorded.add(payload_id)
            if row.flow_run_id is None:
                self._read[payload_id] = payload

    def _forget_strangers(self, ready: Sequence[UUID]) -> None:
        """When they were stored belongs into an index that was lost meanwhile, with their rows."""
        for payload_id in set(self.area.uploaded_ids()) - set(ready):
            self.area.forget_uploaded(payload_id)

    def _payload(self, payload_id: UUID) -> Payload | None:
        try:
            return self.area.read(payload_id)
        except FileNotFoundError:  # announced and gone meanwhile
            return None
        except (Damaged, FromNewerProgram) as error:
            _log.error("payload can't be dispatched", payload=str(payload_id), reason=str(error))
            self._damaged.add(payload_id)
            return None


def _name(payload: Payload) -> str:
    """For the dashboard, e.g. `MIG ← CT01, 324 instances, 1f3c9a2e`: AE titles and counts, no patient."""
    origin = payload.instances[0].origin
    count = len(payload.instances)
    instances = f"{count} instance{'s' if count != 1 else ''}"
    return f"{origin.destination} ← {origin.source}, {instances}, {str(payload.payload_id)[:8]}"


def _tags(payload: Payload) -> list[str]:
    """The AE titles, for the dashboard's filter."""
    origins = {instance.origin for instance in payload.instances}
    return sorted({f"to {origin.destination}" for origin in origins} | {f"from {origin.source}" for origin in origins})
