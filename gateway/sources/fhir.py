"""Sources of kind "fhir": found by a search of a type, read one by one, and kept as the server writes them."""

from collections.abc import Iterator, Sequence

from gateway.config import Settings
from gateway.config.sections import InferenceSettings
from gateway.errors import GatewayError, NotAtPeer, PeerRefused, PeerUnavailable
from gateway.fhir.client import FhirClient
from gateway.fhir.search import list_ids
from gateway.sources.address import SourceAddress, service_of, timeouts_of
from gateway.sources.items import Found, WantedItem, WantedResource
from gateway.sources.port import Arrivals, not_served
from gateway.sources.questions import Question, ResourceQuestion
from gateway.web.service import HttpTimeouts, Service

_MOST_FAILURES_IN_A_ROW = 3


def open_fhir(address: SourceAddress, settings: Settings) -> "FhirSource":
    """The FHIR server at an address."""
    return FhirSource(service_of(address, settings), timeouts_of(settings), settings.inference)


class FhirSource:
    """A FHIR server. It may refuse one resource and give the next; after three that failed, it is the server."""

    def __init__(self, service: Service, timeouts: HttpTimeouts, bounds: InferenceSettings) -> None:
        """Raises SettingsError where the service's `ca_file` can't be used."""
        self._client = FhirClient(service, timeouts)
        self._bounds = bounds

    def __str__(self) -> str:
        return str(self._client.service)

    def find(self, question: Question) -> Found:
        """A resource with an id is not asked for before it is read."""
        if not isinstance(question, ResourceQuestion):
            raise not_served(self, question)
        ids = [question.resource_id] if question.resource_id else self._ids(question)
        return Found(
            tuple(
                WantedResource(question.resource_type, each, question.format, question.version, question.place)
                for each in ids
            )
        )

    def fetch(self, wanted: Sequence[WantedItem], arrivals: Arrivals) -> Iterator[GatewayError]:
        failures = 0
        for resource in wanted:
            try:
                self._fetch(resource, arrivals)
                failures = 0
            except NotAtPeer as error:
                failures = 0
                yield error
            except (PeerUnavailable, PeerRefused) as error:
                failures += 1
                yield error
                if failures == _MOST_FAILURES_IN_A_ROW:
                    return

    def probe(self) -> None:
        self._client.probe()

    def close(self) -> None:
        self._client.close()

    def _ids(self, question: ResourceQuestion) -> list[str]:
        resource_type, bounds = question.resource_type, self._bounds
        ids = list_ids(self._client, resource_type, question.version, bounds.page_size, bounds.max_resources)
        if not ids:
            raise NotAtPeer(f"{self} has no {resource_type} ({question.place})")
        return ids

    def _fetch(self, wanted: WantedItem, arrivals: Arrivals) -> None:
        if not isinstance(wanted, WantedResource):
            raise not_served(self, wanted)
        if arrivals.has_resource(wanted):
            return
        try:
            document = self._client.read(wanted.resource_type, wanted.resource_id, wanted.format, wanted.version)
        except NotAtPeer as error:
            raise NotAtPeer(f"{wanted.place}: {error}") from None
        arrivals.keep_resource(wanted, document)
