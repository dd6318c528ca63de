"""Send files to an archive, and keep what became of each."""

import threading
from collections.abc import Iterable

from gateway.dicom.part10_file import Part10File
from gateway.dimse.peer import Peer, Timeouts
from gateway.dimse.store import store_files
from tests.gateway.sending import Sending, collect

HASTY = Timeouts(connect_seconds=2, negotiate_seconds=2, send_seconds=2, answer_seconds=5, release_seconds=2)


def send(
    peer: Peer,
    files: Iterable[Part10File],
    timeouts: Timeouts = HASTY,
    stopping: threading.Event | None = None,
    at_once: int = 1,
) -> Sending:
    """Send `files` once."""
    return collect(store_files(peer, timeouts, files, stopping or threading.Event(), at_once))
