"""Which adapter serves which kind of source: a row each. A kind that has none is an error."""

from collections.abc import Callable, Mapping

from gateway.config import Settings
from gateway.errors import SettingsError
from gateway.sources.address import SourceAddress
from gateway.sources.dicomweb import open_dicomweb
from gateway.sources.fhir import open_fhir
from gateway.sources.port import Source

KINDS: Mapping[str, Callable[[SourceAddress, Settings], Source]] = {
    "dicomweb": open_dicomweb,
    "fhir": open_fhir,
}


def open_source(address: SourceAddress, settings: Settings) -> Source:
    """Return the source at an address, not yet connected.

    Raises SettingsError where its kind is none of ours, where no peer of its name is registered, and where its
    `ca_file` can't be used.
    """
    adapter = KINDS.get(address.kind)
    if adapter is None:
        raise SettingsError(f"{address} is a source of kind {address.kind!r}; known: {', '.join(sorted(KINDS))}")
    return adapter(address, settings)
