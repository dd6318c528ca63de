"""Payloads as a receiver leaves them in `ready/`."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from gateway.disk.durable import Durability, write_whole
from gateway.lookup.digests import LookupKey
from gateway.payloads.payload import DataService, Instance, KeptLookups, Origin, Payload
from gateway.spool.area import SpoolArea
from tests.gateway.lookup.keys import values

_WHEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def made_payload(node: UUID, instances: int = 3, called: str = "MIG", calling: str = "CT01") -> Payload:
    """A payload of a CT study, without its files."""
    payload_id, origin = uuid4(), Origin(service=DataService.DIMSE, source=calling, destination=called)
    return Payload(
        payload_id=payload_id,
        node=node,
        key="0" * 64,
        grouping="0020,000D",
        workflows=(),
        opened=_WHEN,
        closed=_WHEN,
        closed_by="quiet",
        supplements=None,
        instances=tuple(_instance(payload_id, number, origin) for number in range(1, instances + 1)),
    )


def with_lookups(payload: Payload, key: LookupKey, **identifiers: bytes) -> Payload:
    """The same, to be found by these."""
    kept = KeptLookups(key=key.fingerprint, digests=tuple(sorted(key.lookups(values(**identifiers)))))
    return payload.model_copy(update={"lookups": kept})


def put_into_ready(area: SpoolArea, payload: Payload) -> UUID:
    """Write the manifest as the receiver does."""
    area.make()
    content = payload.model_dump_json().encode()
    write_whole(area.ready / f"{payload.payload_id}.json", content, Durability.OS)
    return payload.payload_id


def _instance(association: UUID, number: int, origin: Origin) -> Instance:
    return Instance(
        file=f"incoming/{association}/{number}.dcm",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=f"1.2.3.{number}",
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.0",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality="CT",
        bytes=525_000,
        crc32c=number,
        received_ns=int(_WHEN.timestamp() * 1e9),
        association=association,
        origin=origin,
    )
