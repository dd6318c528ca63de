"""The services behind a request's sources, and how long we wait for them."""

from collections.abc import Mapping

from gateway.config import Settings
from gateway.errors import SettingsError
from gateway.inference.credentials import Authorization
from gateway.inference.request import InferenceRequest, Source
from gateway.inference.service import service_at
from gateway.inference.vocabulary import Interface
from gateway.web.service import HttpPatience, Service


def services_of(
    request: InferenceRequest, credentials: Mapping[int, Authorization], settings: Settings
) -> dict[int, Service]:
    """Return the service of each source that is reached by HTTP, by its index in `inputResources`.

    Raises SettingsError where a registered archive is named that is not, or no longer, registered.
    """
    return {
        source.number: _service(source, credentials.get(source.number), settings)
        for source in request.sources
        if source.interface in {Interface.DICOM_WEB, Interface.FHIR}
    }


def patience_of(settings: Settings) -> HttpPatience:
    """How long we wait for a source."""
    return HttpPatience(
        answer_seconds=settings.inference.answer_seconds,
        slowest_bytes_per_second=settings.inference.slowest_bytes_per_second,
    )


def _service(source: Source, authorization: Authorization | None, settings: Settings) -> Service:
    if source.registered:
        return _registered(source.registered, settings)
    return service_at(source.url, authorization, settings)


def _registered(name: str, settings: Settings) -> Service:
    for peer in settings.dicomweb_sources:
        if peer.name == name:
            return Service(
                peer.url,
                username=peer.username,
                password=peer.password.get_secret_value(),
                token=peer.token.get_secret_value(),
                ca_file=peer.ca_file,
                name=name,
                proxy=settings.proxy_towards(peer.url, peer.proxy),
            )
    known = ", ".join(peer.name for peer in settings.dicomweb_sources) or "none is"
    raise SettingsError(f"the archive that is to be asked is not registered in [[dicomweb_sources]]; known: {known}")
