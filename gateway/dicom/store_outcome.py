"""How the sending of one instance ended, whichever protocol carried it: C-STORE or STOW-RS.

The status codes are those of the Storage Service Class (PS3.4 section B.2.3, table B.2-1) and of every DIMSE service
(PS3.7 annex C); STOW-RS takes them over as Failure Reason and Warning Reason (PS3.18 section 10.5.3).
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """The axis: has the peer got it, and if not, can sending it again help?"""

    STORED = "stored"
    STORED_WITH_REMARK = "stored with a remark"
    TRANSIENT = "not stored, try again"
    FINAL = "refused"
    UNSUPPORTED = "not of a kind that the destination takes"


@dataclass(frozen=True, slots=True)
class StoreOutcome:
    """`reason` is in our words, says why or remarks what, and names no patient; it is empty for a plain success.

    `status` is the peer's code, where it gave one. `comment` is in the peer's own words, which may name a patient: it
    is for whoever looks at this instance, never for a log, an event or Prefect.
    """

    outcome: Outcome
    reason: str = ""
    status: int | None = None
    comment: str = field(default="", repr=False)

    @property
    def is_stored(self) -> bool:
        """Whether the peer has the instance."""
        return self.outcome in {Outcome.STORED, Outcome.STORED_WITH_REMARK}


DUPLICATE_SOP_INSTANCE = 0x0111

_SINGLE = {
    0x0000: (Outcome.STORED, ""),
    0x0001: (Outcome.STORED_WITH_REMARK, "stored, with a warning"),
    0x0107: (Outcome.STORED_WITH_REMARK, "stored, but some attributes were not taken"),
    0x0110: (Outcome.FINAL, "its processing failed"),
    # Meant for N-CREATE, and what some archives say where they keep the first of two instances with one UID.
    DUPLICATE_SOP_INSTANCE: (Outcome.STORED_WITH_REMARK, "already there"),
    0x0116: (Outcome.STORED_WITH_REMARK, "stored, but a value is out of range"),
    0x0117: (Outcome.FINAL, "the SOP Instance UID is invalid"),
    0x0122: (Outcome.FINAL, "the SOP class is not supported"),
    0x0124: (Outcome.FINAL, "the sender is not authorized"),
    0x0210: (Outcome.FINAL, "the message id was used twice"),
    0x0211: (Outcome.FINAL, "storing is not offered"),
    0x0212: (Outcome.FINAL, "an argument of the request is mistyped"),
    0x0213: (Outcome.TRANSIENT, "its resources are limited"),
    0xB000: (Outcome.STORED_WITH_REMARK, "stored, but data elements were coerced"),
    0xB006: (Outcome.STORED_WITH_REMARK, "stored, but elements were discarded"),
    0xB007: (Outcome.STORED_WITH_REMARK, "stored, but the data set does not match the SOP class"),
    0xC122: (Outcome.FINAL, "the transfer syntax is not supported"),
}
_RANGES = (
    (0xA700, 0xA7FF, Outcome.TRANSIENT, "out of resources"),
    (0xA900, 0xA9FF, Outcome.FINAL, "the data set does not match the SOP class"),
    (0xB000, 0xBFFF, Outcome.STORED_WITH_REMARK, "stored, with a warning"),
    (0xC000, 0xCFFF, Outcome.FINAL, "the data set can't be understood"),
)


def outcome_of_status(status: int, comment: str = "") -> StoreOutcome:
    """Judge a status that a peer answered with. One that the Standard does not give to storing is a failure."""
    outcome, reason = _SINGLE.get(status) or _in_range(status)
    return StoreOutcome(outcome, f"{reason} ({status:04X})" if reason else "", status, comment)


def _in_range(status: int) -> tuple[Outcome, str]:
    for first, last, outcome, reason in _RANGES:
        if first <= status <= last:
            return outcome, reason
    return Outcome.FINAL, "refused, with a status that the Standard does not know"
