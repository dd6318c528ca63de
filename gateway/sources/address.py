"""Where a source is, and what lets us in: an address that a request names, or a peer that the settings know."""

from dataclasses import dataclass

from gateway.config import Settings
from gateway.credentials.authorization import Authorization, origin_of, service_at
from gateway.web.service import HttpTimeouts, Service


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """Of a source of this `kind`: the name of a `registered` peer, or else a `url`."""

    kind: str
    url: str = ""
    registered: str = ""
    authorization: Authorization | None = None

    def __str__(self) -> str:
        return self.registered or origin_of(self.url)


def service_of(address: SourceAddress, settings: Settings) -> Service:
    """The service at an address of HTTP that a request names."""
    return service_at(address.url, address.authorization, settings)


def timeouts_of(settings: Settings) -> HttpTimeouts:
    """How long we wait for a source that is reached by HTTP."""
    return HttpTimeouts(
        answer_seconds=settings.inference.answer_seconds,
        slowest_bytes_per_second=settings.inference.slowest_bytes_per_second,
    )
