"""The payload that a working area becomes: what is stored, and what the event tells of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from gateway.inference.identity import correlation_id, trigger_source
from gateway.inference.row import RequestRow
from gateway.payloads.payload import DataService, Instance, KeptLookups, Origin, Payload, Resource
from gateway.retrieval.area import Area
from gateway.retrieval.fetched import FetchedInstance, FetchedResource

DESTINATION = "ACR-DSI"
"""What stands for us as the destination of what is retrieved. The workflow manager takes at most 15 characters."""

_GROUPING = "request"


def payload_of(row: RequestRow, area: Area, node: UUID, now: datetime, *, partial: bool) -> Payload:
    """Return the payload of a request, of all that lies in its area."""
    correlation = correlation_id(row.request_id)
    return Payload(
        payload_id=row.payload_id,
        node=node,
        key=str(row.request_id),
        grouping=_GROUPING,
        workflows=row.request.workflows,
        opened=row.created,
        closed=now,
        closed_by="retrieved",
        supplements=None,
        instances=tuple(_instance(each, row.request_id, correlation) for each in area.instances.values()),
        resources=tuple(_resource(each, row.request_id) for each in area.resources.values()),
        correlation=correlation,
        requested_by=_origin(DataService.ACR, row.request_id),
        partial=partial,
        lookups=_lookups([each.lookups for each in area.instances.values()]),
    )


def _lookups(of_instances: Sequence[KeptLookups | None]) -> KeptLookups | None:
    """Those of all instances. None where there are some that were not digested, or not with the key of the others."""
    kept = [each for each in of_instances if each is not None]
    keys = {each.key for each in kept}
    if len(kept) < len(of_instances) or len(keys) != 1:
        return None
    return KeptLookups(key=keys.pop(), digests=tuple(sorted({digest for each in kept for digest in each.digests})))


def _instance(each: FetchedInstance, request_id: UUID, correlation: UUID) -> Instance:
    return Instance(
        file=each.file,
        sop_class_uid=each.sop_class_uid,
        sop_instance_uid=each.sop_instance_uid,
        study_instance_uid=each.study_instance_uid,
        series_instance_uid=each.series_instance_uid,
        transfer_syntax_uid=each.transfer_syntax_uid,
        modality=each.modality,
        bytes=each.bytes,
        crc32c=each.crc32c,
        received_ns=each.fetched_ns,
        association=correlation,
        origin=_origin(DataService.DICOM_WEB, request_id),
    )


def _resource(each: FetchedResource, request_id: UUID) -> Resource:
    return Resource(
        file=each.file,
        path=each.path,
        content_type=f"application/fhir+{each.format.extension}",
        bytes=each.bytes,
        crc32c=each.crc32c,
        received_ns=each.fetched_ns,
        origin=_origin(DataService.FHIR, request_id),
    )


def _origin(service: DataService, request_id: UUID) -> Origin:
    """The request stands for its sources, whose addresses are too long for an event."""
    return Origin(service=service, source=trigger_source(request_id), destination=DESTINATION)
