"""A service that is spoken to by HTTP, and how long we wait for it."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from gateway.errors import SettingsError
from gateway.network.addresses import fault_of_service_url
from gateway.network.proxies import Proxy


@dataclass(frozen=True, slots=True)
class Service:
    """A base address with what it takes to get in: user name and password, or a bearer token, or nothing.

    `basic` is user name and password as they stand in the header, where they came so. `ca_file` holds the certification
    authorities to believe in place of the system's. Certificates are always checked. Reasons call the service by its
    `name`, or else by its address. It is asked through `proxy`, redirects included.
    """

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_file: Path | None = None
    basic: str = field(default="", repr=False)
    name: str = ""
    proxy: Proxy | None = None

    def __post_init__(self) -> None:
        """Raises SettingsError, which quotes no credential."""
        if fault := fault_of_service_url(self.url):
            raise SettingsError(fault)
        if not (self.token.isascii() and self.token.isprintable()):
            raise SettingsError("the bearer token holds characters that no HTTP header can")
        if not (self.basic.isascii() and self.basic.isprintable()):
            raise SettingsError("the basic credentials hold characters that no HTTP header can")

    def __str__(self) -> str:
        return self.name or self.url.rstrip("/")

    @property
    def address(self) -> SplitResult:
        """The parts of the base address."""
        return urlsplit(self.url)

    @property
    def way(self) -> str:
        """What a reason says of how it is asked: nothing where that is directly."""
        return f" through the proxy {self.proxy}" if self.proxy else ""

    @property
    def is_secure(self) -> bool:
        return self.address.scheme == "https"

    def path(self, resource: str) -> str:
        """The path of a resource below the base address, e.g. `studies`."""
        return f"{self.address.path.rstrip('/')}/{resource}"

    def credentials(self) -> dict[str, str]:
        """The header that lets us in (RFC 7617, RFC 6750), where one is needed."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self.basic:
            return {"Authorization": f"Basic {self.basic}"}
        if self.username:
            pair = f"{self.username}:{self.password}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        return {}


@dataclass(frozen=True, slots=True)
class HttpTimeouts:
    """How long one call to the network may take, and how slow a whole request may be."""

    connect_seconds: float = 10.0  # for each address of the host, and again for TLS
    send_seconds: float = 30.0  # without room for one more byte
    answer_seconds: float = 120.0  # without one more byte of the answer
    slowest_bytes_per_second: int = 100_000

    def request_seconds(self, body_bytes: int) -> float:
        """How long a request with a body of this length may take, its answer included."""
        return self.answer_seconds + body_bytes / self.slowest_bytes_per_second
