"""Send files to a service, and keep what became of each."""

import threading
from collections.abc import Iterable

from gateway.dicom.part10_file import Part10File
from gateway.dicomweb.store import BatchLimits, store_files
from gateway.web.client import Client
from tests.gateway.sending import Sending, collect


def send(
    client: Client,
    files: Iterable[Part10File],
    limits: BatchLimits | None = None,
    stopping: threading.Event | None = None,
    at_once: int = 1,
) -> Sending:
    """Send `files` once."""
    return collect(store_files(client, files, stopping or threading.Event(), limits, at_once))
