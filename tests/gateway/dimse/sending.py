"""Send files to a peer, and keep what became of each."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.dicom.part10_file import Part10File
from gateway.dimse.peer import Patience, Peer
from gateway.dimse.store import store_files
from gateway.errors import GatewayError
from gateway.store_outcome import Outcome, StoreOutcome

HASTY = Patience(connect_seconds=2, negotiate_seconds=2, send_seconds=2, answer_seconds=5, release_seconds=2)


@dataclass
class Sending:
    """What a caller of `store_files` learns: outcomes in their order, and the error that ended it, if one did."""

    outcomes: dict[str, StoreOutcome] = field(default_factory=dict)
    error: GatewayError | None = None

    @property
    def stored(self) -> list[str]:
        return [name for name, outcome in self.outcomes.items() if outcome.is_stored]

    @property
    def kinds(self) -> list[Outcome]:
        return [outcome.outcome for outcome in self.outcomes.values()]


def send(
    peer: Peer,
    files: Iterable[Part10File],
    patience: Patience = HASTY,
    stopping: threading.Event | None = None,
) -> Sending:
    """Send `files` once."""
    sending = Sending()
    try:
        for file, outcome in store_files(peer, patience, files, stopping or threading.Event()):
            sending.outcomes[file.sop_instance_uid] = outcome
    except GatewayError as error:
        sending.error = error
    return sending
