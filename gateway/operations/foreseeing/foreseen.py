"""What is asked of the future, and what is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from gateway.associations.record import ContextRecord

PAYLOAD_ID = "{payload id}"
ASSOCIATION_ID = "{association id}"
OPENED = "{time of the first instance}"
"""What stands for that which is made only when something comes."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who calls whom from which plain address, to send which SOP classes and files."""

    calling_ae: str
    called_ae: str
    address: str
    sop_classes: Sequence[str] = ()
    files: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class ForeseenAssociation:
    """Whether it would be let in: `codes` and `reason` are those of the rejection (PS3.8 table 9-21), or empty."""

    is_accepted: bool
    codes: str = ""
    reason: str = ""


class Fate(StrEnum):
    """What would become of a file."""

    STORED = "stored"
    IGNORED = "ignored"  # answered, and thrown away
    REFUSED = "refused"
    UNREADABLE = "unreadable"  # nothing that a sender could send


@dataclass(frozen=True, slots=True)
class ForeseenFile:
    """A file. `status` is that of its C-STORE response in four hexadecimal digits; "" where none would come.

    `payload` is the number of the payload, from 1, that it would come into.
    """

    file: Path
    fate: Fate
    reason: str = ""
    status: str = ""
    sop_class_uid: str = ""
    sop_class: str = ""
    transfer_syntax_uid: str = ""
    payload: int | None = None


@dataclass(frozen=True, slots=True)
class ForeseenClosing:
    """When a group is closed: the settings of its application entity. `closed_by` is what these files would reach."""

    closed_by: str
    quiet_seconds: float
    hold_seconds: float
    max_open_seconds: float
    max_instances: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class ForeseenEvent:
    """What would be published, through which `broker`; `exchange` is "" where that has none."""

    broker: str
    exchange: str
    routing_key: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ForeseenPayload:
    """A payload. `group` is what its instances have in common, in words.

    `joins` is one that is open, and that they would come into instead of a new one. `supplements` is the one of the
    same group that closed last, on this spool or, by its number, among these. Where the spool can't be read,
    `is_past_known` is false.
    """

    number: int
    group: str
    files: Sequence[Path]
    instances: int
    superseded: int
    bytes: int
    closing: ForeseenClosing
    joins: UUID | None
    supplements: UUID | None
    supplements_number: int | None
    is_past_known: bool
    bucket: str
    prefix: str
    objects: Sequence[str]
    event: ForeseenEvent


@dataclass(frozen=True, slots=True)
class Foreseen:
    """All of it. `contexts_reason` says which presentation contexts would be refused; "" where none would."""

    association: ForeseenAssociation
    contexts: Sequence[ContextRecord]
    contexts_reason: str
    files: Sequence[ForeseenFile]
    payloads: Sequence[ForeseenPayload]
    not_looked_at: Sequence[str]

    @property
    def is_all_taken(self) -> bool:
        """Whether nothing of it would be rejected, refused or ignored."""
        return (
            self.association.is_accepted
            and not self.contexts_reason
            and all(each.fate is Fate.STORED for each in self.files)
        )
