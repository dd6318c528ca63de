"""What retrieval relies on at a source, whatever it speaks; and what a source relies on at the one who fetches.

Errors are PeerUnavailable where trying again can help, with `retry_after_seconds` where the peer asked to be left alone
for so long, and PeerRefused where it can't; NotAtPeer is the PeerRefused of one who does not have it. No text of them,
and no line in a log, names a patient or quotes what the peer says in its own words.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from gateway.dicom.identity import Unit
from gateway.errors import GatewayError, PeerRefused
from gateway.sources.items import Found, WantedItem, WantedResource
from gateway.sources.questions import Question


class Source(Protocol):
    """A foreign system that data is retrieved from, open for one try of a request.

    It connects when it is first asked. Not for several threads; who opened it closes it. Its text (`str`) is how
    reasons call it: it holds no credential, and of an address that a client named no more than scheme and host.
    """

    def find(self, question: Question) -> Found:
        """Return what it has of that: something, each thing once.

        A source that lists what it has names every instance, so that what is fetched can be held against it. Raises
        NotAtPeer where it has nothing, PeerRefused also for more than the bounds of the settings allow and for a
        question that its kind does not serve, PeerUnavailable.
        """

    def fetch(self, wanted: Sequence[WantedItem], arrivals: "Arrivals") -> Iterator[GatewayError]:
        """Bring what is missing of what `find` returned, each file as the peer has it, byte for byte.

        Yields what stands in the way of an item, and goes on with the next; ends early where the peer as a whole can't
        be used, which the last error says. What `arrivals` has is not asked for again, today or after a crash: a
        repeat brings the rest. Yielding nothing means that all is here. Raises NoRoom and SpoolFailed, of `arrivals`.
        """

    def probe(self) -> None:
        """Ask something that costs little. Raises PeerUnavailable where it does not answer or can't serve now.

        Raises PeerRefused where it answers, and refuses.
        """

    def close(self) -> None:
        """Let go of its connections. Harmless when repeated."""


Piece = bytes | memoryview


class ArrivingFile(Protocol):
    """A file that is being fetched, which is not there yet for anybody else."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def bytes(self) -> int: ...
    @property
    def crc32c(self) -> int: ...

    def write(self, data: Piece) -> None:
        """Append to it. Raises NoRoom and SpoolFailed."""

    def close(self) -> None:
        """End it. Harmless when repeated."""

    def discard(self) -> None:
        """Remove it: it did not come whole."""


class Arrivals(Protocol):
    """Where the files of one source go, and what is here of it already, from this try or an earlier one."""

    @property
    def kept(self) -> int:
        """How many files were kept since it was made."""

    @property
    def complaint(self) -> str:
        """What was wrong with files that were not kept, for a person; empty where nothing was."""

    def has_instance(self, sop_instance_uid: str) -> bool:
        """Whether it is here, whichever source it came from."""

    def count_of_study(self, study_instance_uid: str) -> int:
        """How many instances of a study are here."""

    def new_instance(self) -> ArrivingFile:
        """Begin a Part 10 file; end it by `keep_instance` or `discard`. Raises NoRoom and SpoolFailed."""

    def keep_instance(
        self, file: ArrivingFile, asked: Unit, *, announced_bytes: int | None = None, as_stored: bool = True
    ) -> bool:
        """Keep a file that came whole, if it is what was asked for and not here yet; else remove it, and count why.

        `as_stored` is false where the peer would not give its own bytes, and may have transcoded them.
        """

    def has_resource(self, wanted: WantedResource) -> bool:
        """Whether this source gave it already. What another gave under the name may be something else."""

    def keep_resource(self, wanted: WantedResource, document: bytes) -> None:
        """Keep a resource. Raises PeerRefused where another source gave something else under its name."""


def not_served(source: Source, what: Question | WantedItem) -> PeerRefused:
    """The error for what a source's kind does not serve. `what` is named by its class only."""
    return PeerRefused(f"{source} can't be asked for this: its kind does not serve a {type(what).__name__}")
