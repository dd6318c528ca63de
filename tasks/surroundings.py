"""What tasks find around them: settings, spool, object store, broker. Read once for each run, which has a process."""

from functools import cache
from uuid import UUID

from gateway.config import Settings, load_settings
from gateway.errors import PermanentError
from gateway.payload import Payload
from gateway.spool.door import Door, scp_door
from gateway.spool.durable import Durability
from gateway.storing import object_prefix


@cache
def settings() -> Settings:
    """The settings in force when the run began."""
    return load_settings().settings


@cache
def door() -> Door:
    """The receiver's area of this node's spool."""
    return scp_door(settings().data_dir / "spool", Durability(settings().spool.durability))


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
