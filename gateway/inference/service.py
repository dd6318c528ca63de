"""A service at an address that a request names."""

from gateway.config import Settings
from gateway.inference.credentials import Authorization
from gateway.inference.vocabulary import AuthType
from gateway.web.service import Service


def service_at(url: str, authorization: Authorization | None, settings: Settings) -> Service:
    """The service at `url`. Reasons call it by scheme and host: the path is the client's own text."""
    address = Service(url).address
    return Service(
        url,
        basic=_credential(authorization, AuthType.BASIC),
        token=_credential(authorization, AuthType.BEARER),
        ca_file=settings.inference.ca_file,
        name=f"{address.scheme}://{address.netloc}",
        proxy=settings.proxy_towards(url),
    )


def _credential(authorization: Authorization | None, scheme: AuthType) -> str:
    return authorization.value if authorization and authorization.scheme is scheme else ""
