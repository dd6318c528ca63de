"""A payload as a run goes on with it: what it consists of, where its files are, and the right to store and announce it.

Tasks are given ids only: the kind of work, its id, and the fencing token of the run's lease.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from gateway.errors import DatabaseRefused, DatabaseUnavailable, PermanentError
from gateway.events.port import Message
from gateway.inference.lease import RequestLease
from gateway.inference.row import WORK as REQUESTS
from gateway.node_context import NodeContext
from gateway.payloads.announcements import encode_message
from gateway.payloads.files import PayloadFiles
from gateway.payloads.payload import Payload, object_prefix
from gateway.payloads.rows import WORK as PAYLOADS
from gateway.spool import lease as spool_lease
from gateway.spool.lease import SpoolLease
from gateway.work.lease import Held, Lease
from tasks.ids import id_of
from tasks.node import node


class Claim(NamedTuple):
    """Which work a run has taken, and the token that it has taken it with."""

    kind: str
    work_id: str
    fencing_token: int


@dataclass(frozen=True, slots=True)
class HeldPayload:
    """A payload, where its files are, and the lease under which it is stored and announced.

    `keep` keeps what it is about to be announced with. `may_differ`: an earlier run may have stored what this one does
    not have.
    """

    payload: Payload
    files: PayloadFiles
    lease: Held
    keep: Callable[[Message], None]
    may_differ: bool = False


def take_payload(payload_id: str) -> Claim:
    """Take a payload of this node's spool. Raises PermanentError where it is not there, AreaBusy."""
    here = node()
    read_payload(payload_id)
    lease = spool_lease.take(here.received.lease_file(UUID(payload_id)), UUID(payload_id))
    return Claim(PAYLOADS.kind, payload_id, lease.fencing_token)


def held_payload(claim: Claim) -> HeldPayload:
    """Return the payload that a run has taken. Raises TakenOver where another run has taken it since."""
    held = _HELD[claim.kind](node(), Claim(*claim))
    held.lease.check()
    return held


def held_request(claim: Claim) -> RequestLease:
    """The lease on a request that the run has taken."""
    return RequestLease(Lease(node().database, REQUESTS, UUID(claim.work_id), claim.fencing_token))


def held_on_spool(claim: Claim) -> SpoolLease:
    """The lease on a payload of this node's spool."""
    payload_id = UUID(claim.work_id)
    return SpoolLease(node().received.lease_file(payload_id), payload_id, claim.fencing_token)


def read_payload(payload_id: str) -> Payload:
    """Return the manifest of a payload of this node."""
    try:
        return node().received.read(UUID(payload_id))
    except (FileNotFoundError, ValueError) as error:
        raise PermanentError(f"payload {payload_id} is not on the spool of this node") from error


def is_announced(payload_id: str) -> bool:
    """Whether the payload needs nothing more than to be cleared away, or not even that.

    Raises PermanentError where that is no id of a payload, or nobody here has ever heard of it.
    """
    wanted = id_of("payload", payload_id)
    state = node().received.state(wanted)
    if state is None and not _was_here(wanted):
        raise PermanentError(f"no payload {wanted} was ever received on this node, as far as its index knows")
    return state != "ready"


def announced_before(payload_id: UUID, at: datetime | None) -> str:
    """What a run says that was started once more, of a payload that is announced."""
    when = f" at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""
    return f"announced before{when}; to have it announced again: mig payload announce {payload_id}"


def note_uploaded(payload_id: str) -> None:
    """Note that all of a payload of this node is stored: beside it, since the database may be away."""
    node().received.note_uploaded(UUID(payload_id), node().now())


def object_location(payload: Payload) -> str:
    """Where the payload's objects lie, for a person."""
    return f"{node().settings.object_store.bucket}/{object_prefix(payload.payload_id)}"


def _was_here(payload_id: UUID) -> bool:
    """Where the database is away nobody can say: what has left the spool has been announced then."""
    received = node().received
    if received.announcement(payload_id).exists() or received.uploaded(payload_id):
        return True
    try:
        return node().payloads.row(payload_id) is not None
    except (DatabaseUnavailable, DatabaseRefused):
        return True


def _received(here: NodeContext, claim: Claim) -> HeldPayload:
    payload = read_payload(claim.work_id)

    def keep(message: Message) -> None:
        here.received.keep_announcement(payload.payload_id, encode_message(message))

    return HeldPayload(payload, here.received, held_on_spool(claim), keep)


def _retrieved(here: NodeContext, claim: Claim) -> HeldPayload:
    lease = held_request(claim)
    files = here.retrieved.files_of(lease.request_id)
    return HeldPayload(lease.payload(), files, lease.lease, lease.keep_announcement, may_differ=claim.fencing_token > 1)


_HELD: Mapping[str, Callable[[NodeContext, Claim], HeldPayload]] = {
    PAYLOADS.kind: _received,
    REQUESTS.kind: _retrieved,
}
