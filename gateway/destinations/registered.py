"""Where results may go: registered destinations by name, and what inference requests say in `outputResources`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import SecretStr

from gateway.config import DestinationSettings, DicomWebDestination, Settings
from gateway.destinations.dicomweb import DicomWebAdapter
from gateway.destinations.kinds import adapter_of
from gateway.destinations.port import Destination
from gateway.errors import PermanentError
from gateway.inference.identity import request_id
from gateway.network.proxies import NO_PROXY_AT_ALL
from gateway.web.service import Service

Outputs = Callable[[str], Sequence[Service]]
"""The DICOMweb services that the inference request with this transactionID names; none where there is no such request.

May raise DatabaseUnavailable, and a PermanentError that says why there are none.
"""

UNREGISTERED = "(unregistered)"
"""What destinations are counted as that a request names, and the settings do not: there may be any number of them."""

_SHOWN_DIGITS = 8


class UnknownDestination(PermanentError):
    """A request names a destination that is not registered."""


def no_outputs(_transaction_id: str) -> Sequence[Service]:
    """No inference request says where results may go."""
    return ()


@dataclass(frozen=True, slots=True)
class Destinations:
    """The destinations that are registered now, and how those of inference requests are looked up."""

    registered: Mapping[str, DestinationSettings]
    scu_agent_name: str
    outputs: Outputs = no_outputs
    our_ae_title: str = "MIG"

    @classmethod
    def of(cls, settings: Settings, outputs: Outputs = no_outputs) -> "Destinations":
        registered = {each.name: _with_its_proxy(each, settings) for each in settings.destinations}
        return cls(registered, settings.scu.agent_name, outputs, settings.scu.ae_title)

    def find(self, name: str, agent: str) -> Sequence[Destination]:
        """Return where files for `name` go, in a request that came by `agent`; more than one by an inference request.

        Raises UnknownDestination, and what `outputs` raises.
        """
        if name in self.registered:
            return [adapter_of(self.registered[name], self.our_ae_title)]
        if agent == self.scu_agent_name:
            raise UnknownDestination("no destination is registered under this name")
        if outputs := self.outputs(name):
            names = [self.circuit_name(name, agent, number) for number in range(len(outputs))]
            return [
                DicomWebAdapter(label, replace(each, name=label)) for label, each in zip(names, outputs, strict=True)
            ]
        raise UnknownDestination("neither a registered destination nor an inference request with outputResources")

    def find_registered(self, name: str) -> Destination | None:
        """Return a registered destination; None where there is none of this name."""
        settings = self.registered.get(name)
        return adapter_of(settings, self.our_ae_title) if settings else None

    def circuit_name(self, name: str, agent: str, output: int) -> str:
        """What one service is called among the circuits: one name may stand for several."""
        label = self.label(name, agent)
        return f"{label}, {output + 1}" if output else label

    def label(self, name: str, agent: str) -> str:
        """What it is called in Prefect and in logs. A transactionID is the client's own, and may name a patient."""
        if name in self.registered or agent == self.scu_agent_name:
            return name
        return f"request {str(request_id(name))[:_SHOWN_DIGITS]}"


def _with_its_proxy(destination: DestinationSettings, settings: Settings) -> DestinationSettings:
    """One that leaves its proxy to the site gets the proxy of the site towards its address."""
    if not isinstance(destination, DicomWebDestination):
        return destination
    proxy = settings.proxy_towards(destination.url, destination.proxy)
    return destination.model_copy(update={"proxy": SecretStr(proxy.address if proxy else NO_PROXY_AT_ALL)})
