"""Files on their way to a destination, of either kind."""

import threading
from collections.abc import Iterable, Iterator

from gateway.config import DicomWebDestination, DimseDestination
from gateway.destinations.registered import Destination, OutputService
from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import StoreOutcome
from gateway.dicomweb import query
from gateway.dicomweb import store as dicomweb
from gateway.dimse import store as dimse
from gateway.dimse.echo import echo
from gateway.dimse.peer import Patience, Peer
from gateway.network.proxies import proxy_at
from gateway.web.client import Client
from gateway.web.service import HttpPatience, Service

_PROBE_SECONDS = 10.0


def send_files(
    destination: Destination,
    calling_ae_title: str,
    files: Iterable[Part10File],
    stopping: threading.Event,
    *,
    together: bool = True,
) -> Iterator[tuple[Part10File, StoreOutcome]]:
    """Send files, and yield each with its outcome as it comes: at most what the destination says is on its way.

    Not `together`, the next goes out only when what became of the one before it is known.

    Raises PeerUnavailable, after the files that were on their way were yielded as transient, and PeerRefused. Ends
    early, in good order, when `stopping` is set.
    """
    if isinstance(destination, DimseDestination):
        patience = Patience(
            connect_seconds=destination.connect_seconds,
            answer_seconds=destination.answer_seconds,
            slowest_bytes_per_second=destination.slowest_bytes_per_second,
        )
        peer = peer_of(destination, calling_ae_title)
        at_once = destination.operations_at_once if together else 1
        return dimse.store_files(peer, patience, files, stopping, at_once)
    client = _client(destination, destination.answer_seconds)
    if together:
        return dicomweb.store_files(client, files, stopping, at_once=destination.requests_at_once)
    return dicomweb.store_files(client, files, stopping, dicomweb.BatchLimits(most_files=1), at_once=1)


def probe(destination: Destination, calling_ae_title: str) -> None:
    """Ask whether it is there: C-ECHO, or a QIDO-RS for one study. Raises PeerUnavailable and PeerRefused."""
    if isinstance(destination, DimseDestination):
        quick = Patience(_PROBE_SECONDS, negotiate_seconds=_PROBE_SECONDS, answer_seconds=_PROBE_SECONDS)
        echo(peer_of(destination, calling_ae_title), quick)
    else:
        query.probe(_client(destination, _PROBE_SECONDS))


def peer_of(destination: DimseDestination, calling_ae_title: str) -> Peer:
    """The application entity that is called, under its own calling AE title or else under ours."""
    calling = destination.calling_ae_title or calling_ae_title
    return Peer(destination.host, destination.port, destination.ae_title, calling)


def service_of(destination: DicomWebDestination | OutputService) -> Service:
    """The service that is called, with what lets us in."""
    if isinstance(destination, OutputService):
        return destination.service
    return Service(
        destination.url,
        username=destination.username,
        password=destination.password.get_secret_value(),
        token=destination.token.get_secret_value(),
        ca_file=destination.ca_file,
        name=destination.name,
        proxy=proxy_at(destination.proxy.get_secret_value()),
    )


def _client(destination: DicomWebDestination | OutputService, answer_seconds: float) -> Client:
    patience = HttpPatience(
        connect_seconds=destination.connect_seconds,
        answer_seconds=answer_seconds,
        slowest_bytes_per_second=destination.slowest_bytes_per_second,
    )
    return Client(service_of(destination), patience)
