"""The application entities and sources that are registered. What is asked of them is answered from memory."""

import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.config import ApplicationEntitySettings, Settings, SourceSettings
from gateway.network.addresses import plain_network
from gateway.registry import reasons
from gateway.registry.names import HostNames, Resolve, resolve_host


class Registry:
    """Who may send, and to whom."""

    def __init__(
        self,
        entities: Iterable[ApplicationEntitySettings],
        sources: Iterable[SourceSettings],
        *,
        reject_unknown_sources: bool,
        names: HostNames | None = None,
        resolve: Resolve = resolve_host,
    ) -> None:
        self.entities: Mapping[str, ApplicationEntitySettings] = {entity.ae_title: entity for entity in entities}
        self._sources = [(source.ae_title, source.host, plain_network(source.host)) for source in sources]
        self._reject_unknown_sources = reject_unknown_sources
        by_name = dict.fromkeys(host for _, host, network in self._sources if network is None)
        self.names = names or HostNames(by_name, resolve)

    @classmethod
    def of(cls, settings: Settings, told: Path | None = None) -> "Registry":
        """The registry that the settings describe. `told` is the file in which a receiver tells what never resolved."""
        by_name = dict.fromkeys(source.host for source in settings.sources if plain_network(source.host) is None)
        return cls(
            settings.application_entities,
            settings.sources,
            reject_unknown_sources=settings.scp.reject_unknown_sources,
            names=HostNames(by_name, told=told),
        )

    def knows_source(self, ae_title: str, address: str) -> bool:
        """Whether a sender with this calling AE title may send from this address, which is a plain one."""
        if not self._reject_unknown_sources:
            return True
        return any(self._is_at(host, network, address) for title, host, network in self._sources if title == ae_title)

    def is_stranger(self, address: str) -> bool:
        """Whether nobody may send from this address, which is a plain one, whatever his title."""
        if not self._reject_unknown_sources:
            return False
        return not any(self._is_at(host, network, address) for _, host, network in self._sources)

    def may_become_known(self, ae_title: str) -> bool:
        """Whether a source with this AE title is registered by a name that was never resolved."""
        never = self.names.never_resolved
        return any(title == ae_title and host in never for title, host, _ in self._sources)

    def why_entity_unknown(self, called_ae: str) -> str:
        """Say why there is no application entity of this title, as far as what is registered tells."""
        return reasons.unknown_entity(called_ae, self.entities)

    def why_source_unknown(self, calling_ae: str, address: str) -> str:
        """Say why a sender is not known: its title, its address, or a name that has no address."""
        hosts = [host for title, host, _ in self._sources if title == calling_ae]
        if hosts:
            never = set(self.names.never_resolved)
            return reasons.elsewhere(calling_ae, address, hosts, [host for host in hosts if host in never])
        at_address = [title for title, host, network in self._sources if self._is_at(host, network, address)]
        titles = (title for title, _, _ in self._sources)
        return reasons.unknown_source(calling_ae, address, titles, list(dict.fromkeys(at_address)))

    def _is_at(self, host: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network | None, address: str) -> bool:
        if network is None:
            return self.names.is_at(host, address)
        return ipaddress.ip_address(address) in network
