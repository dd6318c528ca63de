"""An index of as many payloads as a gateway announces in years, each with what it is found by."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, insert

from gateway.associations.tables import associations, payloads_fed
from gateway.payloads.addresses import addresses
from gateway.payloads.lookups import lookups
from gateway.payloads.rows import Dispatch, payloads
from gateway.payloads.studies import studies
from gateway.work.rows import NEW_WORK

SENDERS = 50
RARE = 100_000
"""One in so many is not announced, and was closed by an operator."""

_AT_ONCE = 10_000
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
_EVERY = timedelta(minutes=1)


def fill(engine: Engine, count: int) -> None:
    """Write `count` payloads into an empty database, a minute between two of them."""
    node, ids = uuid4(), random.Random(1)
    for first in range(0, count, _AT_ONCE):
        keys = [UUID(int=ids.getrandbits(128), version=4) for _ in range(first, min(first + _AT_ONCE, count))]
        numbered = list(enumerate(keys, first))
        fed = [{"association_id": key, "payload_id": key} for key in keys]
        with engine.begin() as connection:
            connection.execute(insert(payloads), [_payload(key, number, node) for number, key in numbered])
            connection.execute(insert(studies), [_held(key, number) for number, key in numbered])
            connection.execute(insert(lookups), [each for number, key in numbered for each in _lookups(key, number)])
            connection.execute(insert(associations), [_association(key, number, node) for number, key in numbered])
            connection.execute(insert(payloads_fed), fed)
            connection.execute(insert(addresses), [_fed_from(key, number) for number, key in numbered])


def closed_at(number: int) -> datetime:
    return _FIRST + number * _EVERY


def sender(number: int) -> str:
    return f"CT{number % SENDERS:02}"


def address(number: int) -> str:
    return f"10.1.0.{number % SENDERS}"


def study(number: int) -> str:
    return f"1.2.826.0.1.3680043.8.498.{number}"


def accession(number: int) -> str:
    """The digest of an Accession Number."""
    return f"a{number:063}"


def patient(number: int) -> str:
    """The digest of a Patient ID, whose payloads are years apart."""
    return f"b{number % (RARE // 2):063}"


def _payload(payload_id: UUID, number: int, node: UUID) -> dict[str, Any]:
    times = dict.fromkeys(("opened", "closed", "last_received", "announced", "uploaded"), closed_at(number))
    is_rare = number % RARE == RARE // 2
    return {
        **NEW_WORK,
        **times,
        "payload_id": payload_id,
        "node_id": node,
        "called_ae": "MIG",
        "calling_ae": sender(number),
        "service": 1,
        "instances": 324,
        "bytes": 170_000_000,
        "closed_by": "operator" if is_rare else "quiet",
        "supplements": None,
        "state": Dispatch.DISPATCHED if is_rare else Dispatch.ANNOUNCED,
        "lookup_key": "0123456789abcdef",
    }


def _held(payload_id: UUID, number: int) -> dict[str, Any]:
    held = {"series": 3, "instances": 324, "modalities": "CT"}
    return {"payload_id": payload_id, "study_instance_uid": study(number), **held}


def _lookups(payload_id: UUID, number: int) -> Iterator[dict[str, Any]]:
    yield {"payload_id": payload_id, "kind": "accession", "digest": accession(number)}
    yield {"payload_id": payload_id, "kind": "patient", "digest": patient(number)}


def _fed_from(payload_id: UUID, number: int) -> dict[str, Any]:
    return {"payload_id": payload_id, "address": address(number), "closed": closed_at(number)}


def _association(association_id: UUID, number: int, node: UUID) -> dict[str, Any]:
    return {
        "association_id": association_id,
        "node_id": node,
        "calling_ae": sender(number),
        "called_ae": "MIG",
        "address": address(number),
        "began": closed_at(number),
        "last_known": closed_at(number),
        "outcome": "released",
        "reason": "",
        "codes": "",
        "times": 1,
        "refuses": False,
        "contexts_proposed": 1,
        "contexts_accepted": 1,
        "contexts": [],
        "stored": 324,
        "refused": 0,
        "bytes": 170_000_000,
        "statuses": {},
    }
