"""What an HTTP status means to the one who asked (RFC 9110 section 15), in our own words.

Nothing that a service says in its words goes into a reason: it may name a patient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from gateway.errors import PeerRefused, PeerUnavailable
from gateway.web.retry_after import retry_after_seconds
from gateway.web.service import Service

_REFUSALS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "does not accept the credentials",
    HTTPStatus.FORBIDDEN: "does not allow this with these credentials",
    HTTPStatus.NOT_FOUND: "offers no such service at this address",
    HTTPStatus.METHOD_NOT_ALLOWED: "offers no such service at this address",
    HTTPStatus.NOT_ACCEPTABLE: "answers in no form that we take",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "is behind a proxy that asks for credentials",
    HTTPStatus.GONE: "offers no such service at this address",
    HTTPStatus.NOT_IMPLEMENTED: "offers no such service at this address",
}
_NOT_NOW: Mapping[int, str] = {
    HTTPStatus.REQUEST_TIMEOUT: "gave up waiting for the request",
    HTTPStatus.TOO_EARLY: "can't serve just now",
    HTTPStatus.TOO_MANY_REQUESTS: "gets too many requests",
    HTTPStatus.BAD_GATEWAY: "can't be reached by its proxy",
    HTTPStatus.SERVICE_UNAVAILABLE: "can't serve just now",
    HTTPStatus.GATEWAY_TIMEOUT: "does not answer its proxy",
    HTTPStatus.INSUFFICIENT_STORAGE: "has no room",
}


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """The status of an answer, its Retry-After header, and what it tells in codes that name nobody."""

    code: int
    retry_after: str | None = None
    told: str = ""

    def __str__(self) -> str:
        return f"(HTTP {self.code}{', ' if self.told else ''}{self.told})"


def spoken_for(
    service: Service, status: HttpStatus, says: Mapping[int, str] | None = None
) -> PeerRefused | PeerUnavailable | None:
    """Return the error for a status that speaks for the service as a whole; None for one that does not.

    `says` has what is to be said of a refusal where the usual words do not fit.
    """
    refusals = {**_REFUSALS, **(says or {})}
    if status.code in _NOT_NOW:
        return unavailable(service, status, _NOT_NOW[status.code])
    if status.code in refusals:
        return PeerRefused(f"{service} {refusals[status.code]} {status}")
    if 300 <= status.code < 400:
        return PeerRefused(f"{service} has moved: it redirects to another address {status}")
    return None


def refusal(
    service: Service, status: HttpStatus, says: Mapping[int, str] | None = None
) -> PeerRefused | PeerUnavailable:
    """Return the error for any status but a success."""
    spoken = spoken_for(service, status, says)
    if spoken is not None:
        return spoken
    if status.code >= 500:
        return unavailable(service, status, "failed")
    return PeerRefused(f"{service} refuses the request {status}")


def unavailable(service: Service, status: HttpStatus, why: str) -> PeerUnavailable:
    """Return the error for a service that may serve later, and perhaps says when."""
    seconds = retry_after_seconds(status.retry_after, datetime.now(UTC))
    return PeerUnavailable(f"{service} {why} {status}", retry_after_seconds=seconds)
