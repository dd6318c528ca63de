"""The kinds of destinations: a new one is a module beside this, its settings, and a row here."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.config import DestinationSettings, DicomWebDestination, DimseDestination, DirectoryDestination
from gateway.destinations.dicomweb import DicomWebAdapter
from gateway.destinations.dimse import DimseAdapter
from gateway.destinations.directory import DirectoryAdapter
from gateway.destinations.port import Destination

_ADAPTERS: Mapping[type, Callable[[Any, str], Destination]] = {
    DimseDestination: DimseAdapter,
    DicomWebDestination: DicomWebAdapter.of,
    DirectoryDestination: DirectoryAdapter,
}


def adapter_of(settings: DestinationSettings, our_ae_title: str) -> Destination:
    """Return a registered destination as an export deals with it. Raises LookupError for a kind without an adapter."""
    return _ADAPTERS[type(settings)](settings, our_ae_title)
