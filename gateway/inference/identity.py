"""The ids of a request: derived from its transaction id, the same whenever they are made, none of the client's text.

A transaction id may be long, hold a slash, or name a patient. Prefect, paths, objects and events see these instead.
"""

from enum import StrEnum
from uuid import NAMESPACE_OID, UUID, uuid5

_REQUESTS = uuid5(NAMESPACE_OID, "informatics-gateway/inference-requests")

_MAX_NAME_LENGTH = 15  # of an event's source: the workflow manager rejects more


def request_id(transaction_id: str) -> UUID:
    """The request's own id: of its row, its flow run and its working area."""
    return uuid5(_REQUESTS, transaction_id)


def payload_id(request: UUID) -> UUID:
    """The payload that the request becomes, whoever assembles it and however often."""
    return uuid5(request, "payload")


def correlation_id(request: UUID) -> UUID:
    """What ties the event to the request."""
    return uuid5(request, "correlation")


def trigger_source(request: UUID) -> str:
    """The source that the event names: 15 characters, the first of the request's id."""
    return f"ACR-{request.hex}"[:_MAX_NAME_LENGTH]


class PriorityClass(StrEnum):
    """MIG's classes of `priority`. Within one, first in is first out."""

    IMMEDIATE = "immediate"
    HIGHER = "higher"
    NORMAL = "normal"
    LOWER = "lower"


def priority_class(priority: int) -> PriorityClass:
    """The class of a priority from 0 to 255: 255; 129 to 254; 128; below."""
    if priority == 255:
        return PriorityClass.IMMEDIATE
    if priority == 128:
        return PriorityClass.NORMAL
    return PriorityClass.HIGHER if priority > 128 else PriorityClass.LOWER
