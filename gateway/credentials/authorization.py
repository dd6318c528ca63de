"""What lets us in at the sources and outputs of a request. No text of an object here shows a secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from gateway.config import Settings
from gateway.web.service import Service


class AuthType(StrEnum):
    """How we are let in, as the ACR DSI names it."""

    NONE = "None"
    BASIC = "Basic"
    BEARER = "Bearer"


@dataclass(frozen=True, slots=True)
class Authorization:
    """The value of an Authorization header, as `authType` and `authID` give it: MIG sends `authID` as it stands."""

    scheme: AuthType
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RequestCredentials:
    """By index in `inputResources` and in `outputResources`: each has a term of its own."""

    sources: Mapping[int, Authorization]
    outputs: Mapping[int, Authorization]


def service_at(url: str, authorization: Authorization | None, settings: Settings) -> Service:
    """The service at an address that a request names. Reasons call it by its origin."""
    return Service(
        url,
        basic=_credential(authorization, AuthType.BASIC),
        token=_credential(authorization, AuthType.BEARER),
        ca_file=settings.inference.ca_file,
        name=origin_of(url),
        proxy=settings.proxy_towards(url),
    )


def origin_of(url: str) -> str:
    """Scheme and host of an address: its path is the client's own text."""
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc}"


def _credential(authorization: Authorization | None, scheme: AuthType) -> str:
    return authorization.value if authorization and authorization.scheme is scheme else ""
