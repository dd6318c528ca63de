"""A FHIR resource, read and kept as the server wrote it."""

from crc32c import crc32c

from gateway.clock import Clock
from gateway.errors import PeerRefused
from gateway.fhir.client import FhirClient
from gateway.retrieval.area import Area
from gateway.retrieval.fetched import FetchedResource
from gateway.retrieval.wanted import WantedResource


def fetch_resource(client: FhirClient, wanted: WantedResource, area: Area, clock: Clock) -> bool:
    """Fetch it unless it is here; tell whether it was fetched.

    A payload has one place for a type and an id. What another source has given under that name is the same only if it
    is byte for byte. Raises PeerUnavailable or PeerRefused; no text names the id.
    """
    here = area.resources.get(wanted.path)
    if here and here.source == wanted.source:
        return False
    document = client.read(wanted.resource_type, wanted.resource_id, wanted.format, wanted.version)
    if here:
        if (here.bytes, here.crc32c) == (len(document), crc32c(document)):
            return False
        raise PeerRefused(
            f"{client.service} has another {wanted.resource_type} ({wanted.place}) under the id that "
            f"inputResources[{here.source}] has: one payload can't hold both"
        )
    _keep(document, wanted, area, clock)
    return True


def _keep(document: bytes, wanted: WantedResource, area: Area, clock: Clock) -> None:
    file = area.new_file(wanted.format.extension)
    try:
        file.write(document)
    finally:
        file.close()
    area.add(
        FetchedResource(
            file=file.name,
            bytes=file.bytes,
            crc32c=file.crc32c,
            fetched_ns=clock.time_ns(),
            source=wanted.source,
            resource_type=wanted.resource_type,
            resource_id=wanted.resource_id,
            format=wanted.format,
        )
    )
