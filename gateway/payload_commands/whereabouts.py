"""How far a payload is, whichever way it came: on this spool, in the index of all nodes, from an inference request."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from gateway.database import begins
from gateway.inference.row import RequestState
from gateway.inference.store import RequestStore
from gateway.payloads.index import PayloadIndex
from gateway.payloads.rows import Dispatch
from gateway.spool.area import SpoolArea
from gateway.spool.open_groups import open_groups
from gateway.work.ledger import NoSuchWork


class Stage(StrEnum):
    """How far a payload is."""

    OPEN = "open"  # it still receives
    CLOSED = "closed"  # its run stores and announces it
    ANNOUNCED = "announced"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Looks for payloads. All methods raise DatabaseUnavailable."""

    index: PayloadIndex
    requests: RequestStore
    area: SpoolArea

    def stage(self, payload_id: UUID) -> Stage:
        """Return how far it is. The spool comes first, where the payload lies on it. Raises NoSuchWork."""
        if state := self.area.state(payload_id):
            return Stage.CLOSED if state == "ready" else Stage.ANNOUNCED
        if self.area.announcement(payload_id).exists():
            return Stage.ANNOUNCED  # and the index does not know yet
        if row := self.index.row(payload_id):
            return Stage.ANNOUNCED if row.state is Dispatch.ANNOUNCED else Stage.CLOSED
        if request := self.requests.find_by_payload(payload_id):
            return Stage.ANNOUNCED if request.state is RequestState.COMPLETED else Stage.CLOSED
        if any(group.payload_id == payload_id for group in open_groups(self.area)):
            return Stage.OPEN
        raise NoSuchWork(f"there is no payload {payload_id}")

    def matching(self, beginning: str) -> list[UUID]:
        """Return payloads whose id begins so, as people abbreviate it; the first few."""
        on_spool = [*self.area.ready_ids(), *(group.payload_id for group in open_groups(self.area))]
        found = [each for each in on_spool if begins(each, beginning)]
        found += [row.payload_id for row in self.index.matching(beginning)]
        found += self.requests.payloads_matching(beginning)
        return list(dict.fromkeys(found))
