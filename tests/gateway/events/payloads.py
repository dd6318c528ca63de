"""Payloads to be announced."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from gateway.payloads.payload import DataService, Instance, Origin, Payload, Resource

OPENED = datetime(2025, 1, 1, 12, 30, 5, 123456, tzinfo=UTC)
CLOSED = datetime(2025, 1, 1, 12, 30, 59, tzinfo=UTC)
CT_SCANNER = Origin(service=DataService.DIMSE, source="CT01", destination="MIG")


def instance(number: int = 1, origin: Origin = CT_SCANNER, modality: str = "CT") -> Instance:
    """One instance of the study 1.2.3, as its manifest has it."""
    return Instance(
        file=f"incoming/{number}.dcm",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=f"1.2.3.4.{number}",
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.4",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality=modality,
        bytes=525_000,
        crc32c=number,
        received_ns=1_735_734_605_123_456_789,
        association=UUID(int=number),
        origin=origin,
    )


def resource(resource_id: str = "a") -> Resource:
    """A FHIR resource, as the record of a retrieval has it."""
    return Resource(
        file=f"files/{resource_id}.json",
        path=f"ehr/Patient/{resource_id}.json",
        content_type="application/fhir+json",
        bytes=20,
        crc32c=7,
        received_ns=1_735_734_605_123_456_789,
        origin=Origin(service=DataService.FHIR, source="ACR-1", destination="ACR-DSI"),
    )


def payload(*instances: Instance, workflows: tuple[str, ...] = ()) -> Payload:
    """A closed payload of these instances, or of one."""
    return Payload(
        payload_id=uuid4(),
        node=uuid4(),
        key="digest",
        grouping="0020,000D",
        workflows=workflows,
        opened=OPENED,
        closed=CLOSED,
        closed_by="quiet",
        supplements=None,
        instances=instances or (instance(),),
    )
