"""What tasks find around them: settings, spool, object store, broker. Read once for each run, which has a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from gateway.config import Settings, load_settings
from gateway.database import open_database
from gateway.disk.durable import Durability
from gateway.errors import PermanentError
from gateway.inference.hold import Hold
from gateway.inference.store import RequestStore
from gateway.inference.vault import open_vault
from gateway.payloads.payload import Payload
from gateway.payloads.place import PayloadPlace
from gateway.payloads.storing import object_prefix
from gateway.retrieval.areas import Areas, areas_of
from gateway.retrieval.peers import Peers
from gateway.retrieval.sources import patience_of, services_of
from gateway.spool.door import Door, scp_door
from gateway.spool.node import read_node


@cache
def settings() -> Settings:
    """The settings in force when the run began."""
    return load_settings().settings


@cache
def door() -> Door:
    """The receiver's area of this node's spool."""
    return scp_door(settings().data_dir / "spool", Durability(settings().spool.durability))


@cache
def request_store() -> RequestStore:
    """The inference requests."""
    return RequestStore(open_database(settings().database_url))


@cache
def areas() -> Areas:
    """The working areas of this node's retrievals."""
    return areas_of(settings())


@cache
def node_id() -> UUID:
    """The id of this node's spool."""
    return read_node(settings().data_dir / "spool").node_id


@dataclass(frozen=True, slots=True)
class Custody:
    """A payload that a run may store and announce, and where its files are."""

    payload: Payload
    place: PayloadPlace


def custody(payload_id: str, epoch: int | None) -> Custody:
    """Return a payload to go on with: one of the spool, or, by the `epoch` of its hold, one that was retrieved.

    Raises TakenOver where that is no longer held.
    """
    if epoch is None:
        return Custody(read_payload(payload_id), door())
    hold = held(request_store().request_of(UUID(payload_id)), epoch)
    hold.row()
    return Custody(hold.payload(), areas().place(hold.request_id))


def held(request_id: UUID | str, epoch: int) -> Hold:
    """The hold on a request that the run took with this epoch."""
    return Hold(request_store().engine, UUID(str(request_id)), epoch)


@contextmanager
def sources_of(hold: Hold) -> Iterator[Peers]:
    """The sources of a request that is held, with what lets us in."""
    row = hold.row()
    credentials = hold.open_sources(open_vault(settings())) if row.had_credentials else {}
    services = services_of(row.request, credentials, settings())
    with Peers(services, patience_of(settings()), settings().inference.page_size) as peers:
        yield peers


def read_payload(payload_id: str) -> Payload:
    """Return the manifest of a payload of this node."""
    try:
        return door().read(UUID(payload_id))
    except (FileNotFoundError, ValueError) as error:
        raise PermanentError(f"payload {payload_id} is not on the spool of this node") from error


def is_announced(payload_id: str) -> bool:
    """Whether the payload needs nothing more than to be cleared away, or not even that."""
    return door().state(UUID(payload_id)) != "ready"


def object_location(payload: Payload) -> str:
    """Where the payload's objects lie, for a person."""
    return f"{settings().object_store.bucket}/{object_prefix(payload)}"
