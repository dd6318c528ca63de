"""One association as it is kept, from a receiver's memory over its journal into the database.

It holds AE titles, addresses, UIDs of SOP classes and of payloads, counts and reasons: nothing of a patient.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from pydantic import TypeAdapter

MOST_PAYLOADS = 1000
"""An association that feeds more payloads names these, the first."""

RECEIVER_ENDED = "the receiver ended"
"""Why an association was cut of whose end the receiver could say nothing any more."""


class Outcome(StrEnum):
    """How an association has ended, or that it has not."""

    OPEN = "open"
    RELEASED = "released"
    ABORTED_BY_PEER = "aborted-by-peer"
    ABORTED_HERE = "aborted-here"  # the peer broke the protocol
    CUT = "cut"  # the connection is gone, without a word
    TIMED_OUT = "timed-out"
    STOPPED = "stopped"  # by the receiver's own end
    REJECTED = "rejected"
    UNHEARD = "unheard"  # a connection on which nobody has asked for an association that could be read


class ContextResult(StrEnum):
    """What became of a presentation context (PS3.8 table 9-18)."""

    ACCEPTED = "accepted"
    NO_ABSTRACT_SYNTAX = "abstract-syntax-not-supported"
    NO_TRANSFER_SYNTAX = "transfer-syntaxes-not-supported"


@dataclass(frozen=True, slots=True)
class ContextRecord:
    """A presentation context: its abstract syntax, and the transfer syntax that it was accepted with.

    `name` is what PS3.6 calls the abstract syntax; "" for a private one, and until somebody has looked it up.
    """

    abstract_syntax: str
    result: ContextResult
    transfer_syntax: str = ""
    name: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.result is ContextResult.ACCEPTED


@dataclass(frozen=True, slots=True)
class AssociationRecord:
    """One association, or as many refusals of one peer as `times` says. Times are nanoseconds since 1970.

    Of one that is open, all is as it was at `ended_ns`.

    `codes` are result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21), `statuses` counts instances by the
    status of their C-STORE response, four hexadecimal digits. `port` is the peer's, of many refusals that of the first.
    """

    association_id: UUID
    address: str
    began_ns: int
    ended_ns: int
    outcome: Outcome
    reason: str = ""
    calling_ae: str = ""
    called_ae: str = ""
    codes: str = ""
    times: int = 1
    contexts_proposed: int = 0
    contexts_accepted: int = 0
    contexts: tuple[ContextRecord, ...] = ()
    stored: int = 0
    refused: int = 0
    bytes: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    payload_ids: tuple[UUID, ...] = ()
    port: int | None = None

    @property
    def is_open(self) -> bool:
        return self.outcome is Outcome.OPEN

    @property
    def is_refusal(self) -> bool:
        """Whether the peer could do nothing at all: it was not let in, or in no presentation context."""
        return self.contexts_accepted == 0

    @property
    def refuses(self) -> bool:
        """Whether the peer, or any instance of it, was refused."""
        return self.is_refusal or self.refused > 0


def cut_by_its_receiver(record: AssociationRecord) -> AssociationRecord:
    """What is known of an association that a receiver has left open which is gone: it ended when last told of."""
    reason = "; ".join(filter(None, (RECEIVER_ENDED, record.reason)))
    return replace(record, outcome=Outcome.CUT, reason=reason)


def plain(text: str) -> str:
    """What came from the network as it may stand in a row of any database: nothing that can't be seen, and ASCII."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in text)


RECORD: TypeAdapter[AssociationRecord] = TypeAdapter(AssociationRecord)
"""To JSON, and back."""
