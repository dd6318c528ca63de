"""What can go wrong, on one axis: can trying again help?

Adapters turn every foreign exception into one of these (`raise … from error`), with a text that an operator can
act on and that holds no patient data and no credential.

    GatewayError
    ├── TransientError          trying again can help; `waits_for` says for whom
    │   ├── StoreUnavailable
    │   ├── CorruptedInTransit
    │   ├── BrokerUnavailable
    │   │   └── NobodyListens
    │   ├── DatabaseUnavailable
    │   ├── PrefectUnavailable
    │   ├── PeerUnavailable
    │   ├── AreaBusy
    │   ├── NoRoom
    │   └── SpoolFailed
    ├── Unforeseen              nobody knows: what no adapter has made ours
    └── PermanentError          it cannot: somebody has to act first
        ├── SettingsError
        ├── NotSetUp            but work waits for it: others put it right
        │   ├── StoreNotSetUp   (a StoreRefused, too)
        │   └── BrokerNotSetUp  (a BrokerRefused, too)
        ├── StoreRefused
        │   └── NoSuchObject
        ├── BrokerRefused
        ├── DatabaseRefused
        │   └── SchemaRefused
        ├── PrefectRefused
        │   └── NotInPrefect
        ├── PeerRefused
        │   └── NotAtPeer
        ├── UnreadableRequest
        ├── InvalidRequest
        ├── AlreadyKnown
        ├── CredentialsLost
        ├── TakenOver
        ├── Damaged
        ├── InvalidDataSet
        │   └── MismatchedDataSet
        ├── FromNewerProgram
        ├── SpoolOwned
        └── AlreadyRunning
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Self


class Dependency(StrEnum):
    """What work may wait for. The value is what is kept, in rows and tags; `in_words` is how an operator reads it."""

    OBJECT_STORE = "object-store"
    EVENTS = "events"
    DATABASE = "database"
    PREFECT = "prefect"
    SOURCE = "source"
    DESTINATION = "destination"
    NOTHING_ASKABLE = "time"  # room on a disk, say: nobody can be asked whether it is back

    @property
    def in_words(self) -> str:
        return _IN_WORDS[self]


_IN_WORDS = {
    Dependency.OBJECT_STORE: "the object store",
    Dependency.EVENTS: "the event broker",
    Dependency.DATABASE: "the database",
    Dependency.PREFECT: "Prefect",
    Dependency.SOURCE: "a source",
    Dependency.DESTINATION: "a destination",
    Dependency.NOTHING_ASKABLE: "a while",
}


class GatewayError(Exception):
    """Anything the gateway raises on purpose."""


class Unforeseen(GatewayError):
    """An exception that is not ours has left a phase of a run. Says its name and where, and nothing of its text."""


class TransientError(GatewayError):
    """Trying again can help. `waits_for` names what is away, where that is known."""

    waits_for: Dependency | None = None


class StoreUnavailable(TransientError):
    """The object store did not answer, or said that it can't serve just now."""

    waits_for = Dependency.OBJECT_STORE


class CorruptedInTransit(TransientError):
    """An object arrived with other bytes than were sent. The bytes at the sender's end verify."""


class BrokerUnavailable(TransientError):
    """The event could not be handed over: nobody answers, it was returned, or it was not confirmed."""

    waits_for = Dependency.EVENTS


class NobodyListens(BrokerUnavailable):
    """The event came back: no queue is bound to its routing key."""


class DatabaseUnavailable(TransientError):
    """The gateway's database did not answer, or was busy for too long."""

    waits_for = Dependency.DATABASE


class PrefectUnavailable(TransientError):
    """The Prefect server did not answer, or said that it can't serve just now."""

    waits_for = Dependency.PREFECT


class PeerUnavailable(TransientError):
    """A DICOM or DICOMweb peer did not answer, broke off, or said that it can't serve just now.

    `retry_after_seconds` is how long the peer itself asked to be left alone, where it did (HTTP's Retry-After).
    """

    def __init__(self, text: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class AreaBusy(TransientError):
    """Another process of this node still works in the area of an inference request."""


class NoRoom(TransientError):
    """The spool's file system has no room for more (ENOSPC, EDQUOT, or the high-water mark is reached)."""


class SpoolFailed(TransientError):
    """The spool's disk reported an error. Nothing is taken until a probe file was written and read back."""


class PermanentError(GatewayError):
    """Trying again can't help before somebody acts."""


class NotSetUp(PermanentError):
    """A part refuses for what can be put right at it, without us. Work waits for that as if the part were away."""

    waits_for: Dependency


class SettingsError(PermanentError):
    """The settings can't be used. The text lists every problem with where it stands."""


class StoreRefused(PermanentError):
    """The object store answered and refused: credentials, bucket or policy."""


class StoreNotSetUp(StoreRefused, NotSetUp):
    """Its bucket, a policy, our credentials."""

    waits_for = Dependency.OBJECT_STORE


class NoSuchObject(StoreRefused):
    """The object store holds no object with this key."""


class BrokerRefused(PermanentError):
    """The broker answered and refused: credentials, virtual host or permissions."""


class BrokerNotSetUp(BrokerRefused, NotSetUp):
    """A virtual host, an exchange, permissions, our credentials."""

    waits_for = Dependency.EVENTS


class DatabaseRefused(PermanentError):
    """The gateway's database answered and refused, or holds something else than ours."""


class SchemaRefused(DatabaseRefused):
    """The database has another schema than this program works with. The text says which, and what to do."""


class PrefectRefused(PermanentError):
    """The Prefect server answered and refused."""


class NotInPrefect(PrefectRefused):
    """What was asked for is not there, or no longer."""


class PeerRefused(PermanentError):
    """A DICOM or DICOMweb peer answered and refused for good: AE titles, credentials, address or protocol."""


class NotAtPeer(PeerRefused):
    """A peer answered that it does not have what it was asked for."""


class UnreadableRequest(PermanentError):
    """A request can't be read. `problems` has what is wrong, by each field's path; no value is quoted."""

    def __init__(self, problems: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(f"{path}: {', '.join(texts)}" for path, texts in problems.items()))
        self.problems = problems

    def __reduce__(self) -> tuple[type[Self], tuple[Mapping[str, Sequence[str]]]]:
        return type(self), (self.problems,)


class InvalidRequest(PermanentError):
    """An inference request breaks rules. `problems` has a sentence for each, with the path; no value is quoted."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type[Self], tuple[Sequence[str]]]:
        return type(self), (self.problems,)


class AlreadyKnown(PermanentError):
    """A request was taken in before: this one is another with its name, or the same once more."""


class CredentialsLost(PermanentError):
    """Credentials that were kept can't be decrypted any more: the request has to be submitted again."""


class TakenOver(PermanentError):
    """Another worker has taken this request over: what is done here is of no use any more."""


class Damaged(PermanentError):
    """Bytes that were promised do not verify. They are kept for a person to look at."""


class InvalidDataSet(PermanentError):
    """A received data set can't be filed: an identifier is missing or malformed, or it can't be read."""


class MismatchedDataSet(InvalidDataSet):
    """A received data set says it is something else than its command says."""


class FromNewerProgram(PermanentError):
    """A newer program has written a file on the disk. The text says which, and both versions; it is left as it is."""


class SpoolOwned(PermanentError):
    """Another process owns this area of the spool. The text says which."""


class AlreadyRunning(PermanentError):
    """Another process already has this role on this data directory. The text says which."""
