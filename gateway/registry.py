"""Who may send, and to which application entities: the settings as a receiver asks them."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Mapping

from gateway.clock import Clock, SystemClock
from gateway.config import ApplicationEntitySettings, Settings, SourceSettings

Resolve = Callable[[str], frozenset[str]]

_KEEP_RESOLVED_SECONDS = 60.0


def resolve_host(name: str) -> frozenset[str]:
    """Return the addresses of a host name; none where it does not resolve."""
    try:
        return frozenset(str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except OSError:
        return frozenset()


class Registry:
    """The application entities and sources that are registered."""

    def __init__(
        self,
        entities: Iterable[ApplicationEntitySettings],
        sources: Iterable[SourceSettings],
        *,
        reject_unknown_sources: bool,
        resolve: Resolve = resolve_host,
        clock: Clock | None = None,
    ) -> None:
        self.entities: Mapping[str, ApplicationEntitySettings] = {entity.ae_title: entity for entity in entities}
        self._sources = tuple(sources)
        self._reject_unknown_sources = reject_unknown_sources
        self._names = _ResolvedNames(resolve, clock or SystemClock())

    @classmethod
    def of(cls, settings: Settings) -> "Registry":
        """The registry that the settings describe."""
        return cls(
            settings.application_entities,
            settings.sources,
            reject_unknown_sources=settings.scp.reject_unknown_sources,
        )

    def knows_source(self, ae_title: str, address: str) -> bool:
        """Whether a sender with this calling AE title may send from this address."""
        if not self._reject_unknown_sources:
            return True
        return any(source.ae_title == ae_title and self._is_at(source.host, address) for source in self._sources)

    def _is_at(self, host: str, address: str) -> bool:
        try:
            network = ipaddress.ip_network(host)
        except ValueError:
            return address in self._names.addresses(host)
        return ipaddress.ip_address(address) in network


class _ResolvedNames:
    """Host names and their addresses, asked for once a minute: a name server may be slow, a scanner is not."""

    def __init__(self, resolve: Resolve, clock: Clock) -> None:
        self._resolve = resolve
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def addresses(self, name: str) -> frozenset[str]:
        now = self._clock.monotonic()
        with self._lock:
            until, addresses = self._known.get(name, (0.0, frozenset()))
        if now < until and addresses:
            return addresses
        addresses = self._resolve(name) or addresses  # a name server that is away makes nobody a stranger
        with self._lock:
            self._known[name] = (now + _KEEP_RESOLVED_SECONDS, addresses)
        return addresses
