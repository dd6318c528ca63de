"""Associations as a receiver tells of them."""

from typing import Any
from uuid import uuid4

from gateway.associations.record import AssociationRecord, ContextRecord, ContextResult, Outcome

BEGAN_NS = 1_772_370_000_000_000_000  # 2026-03-01 13:00 UTC
SECOND_NS = 1_000_000_000

CT, MWL = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.31"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def stored(after_seconds: float = 0, **more: Any) -> AssociationRecord:
    """CT01 has sent three instances."""
    ended_ns = BEGAN_NS + int(after_seconds * SECOND_NS)
    values: dict[str, Any] = {
        "association_id": uuid4(),
        "address": "10.1.0.17",
        "port": 50_123,
        "began_ns": ended_ns - 3 * SECOND_NS,
        "ended_ns": ended_ns,
        "outcome": Outcome.RELEASED,
        "calling_ae": "CT01",
        "called_ae": "MIG",
        "contexts_proposed": 1,
        "contexts_accepted": 1,
        "contexts": (ContextRecord(CT, ContextResult.ACCEPTED, EXPLICIT_LITTLE),),
        "stored": 3,
        "bytes": 1_500_000,
        "statuses": {"0000": 3},
        "payload_ids": (uuid4(),),
    }
    return AssociationRecord(**values | more)


def rejected(after_seconds: float = 0, **more: Any) -> AssociationRecord:
    """CT02 was not let in."""
    ended_ns = BEGAN_NS + int(after_seconds * SECOND_NS)
    values: dict[str, Any] = {
        "association_id": uuid4(),
        "address": "10.1.0.99",
        "began_ns": ended_ns,
        "ended_ns": ended_ns,
        "outcome": Outcome.REJECTED,
        "reason": "CT02 is registered for 10.1.0.17, it came from 10.1.0.99",
        "calling_ae": "CT02",
        "called_ae": "MIG",
        "codes": "1/1/3",
    }
    return AssociationRecord(**values | more)


def still_open(after_seconds: float = 0, **more: Any) -> AssociationRecord:
    """CT01 has sent three instances so far."""
    return stored(after_seconds, **{"outcome": Outcome.OPEN} | more)
