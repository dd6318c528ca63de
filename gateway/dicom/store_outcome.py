"""How the sending of one instance ended, whichever protocol carried it: C-STORE or STOW-RS.

STOW-RS takes the status codes of C-STORE over as Failure Reason and Warning Reason (PS3.18 section 10.5.3).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.dicom import status_codes as codes


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


_SINGLE = {
    codes.SUCCESS: (Outcome.STORED, ""),
    codes.WARNING: (Outcome.STORED_WITH_REMARK, "stored, with a warning"),
    codes.ATTRIBUTE_LIST_ERROR: (Outcome.STORED_WITH_REMARK, "stored, but some attributes were not taken"),
    codes.PROCESSING_FAILURE: (Outcome.FINAL, "its processing failed"),
    # Meant for N-CREATE, and what some archives say where they keep the first of two instances with one UID.
    codes.DUPLICATE_SOP_INSTANCE: (Outcome.STORED_WITH_REMARK, "already there"),
    codes.ATTRIBUTE_VALUE_OUT_OF_RANGE: (Outcome.STORED_WITH_REMARK, "stored, but a value is out of range"),
    codes.INVALID_SOP_INSTANCE: (Outcome.FINAL, "the SOP Instance UID is invalid"),
    codes.SOP_CLASS_NOT_SUPPORTED: (Outcome.FINAL, "the SOP class is not supported"),
    codes.NOT_AUTHORIZED: (Outcome.FINAL, "the sender is not authorized"),
    codes.DUPLICATE_INVOCATION: (Outcome.FINAL, "the message id was used twice"),
    codes.UNRECOGNIZED_OPERATION: (Outcome.FINAL, "storing is not offered"),
    codes.MISTYPED_ARGUMENT: (Outcome.FINAL, "an argument of the request is mistyped"),
    codes.RESOURCE_LIMITATION: (Outcome.TRANSIENT, "its resources are limited"),
    codes.COERCION_OF_DATA_ELEMENTS: (Outcome.STORED_WITH_REMARK, "stored, but data elements were coerced"),
    codes.ELEMENTS_DISCARDED: (Outcome.STORED_WITH_REMARK, "stored, but elements were discarded"),
    codes.DATA_SET_DOES_NOT_MATCH_WARNING: (
        Outcome.STORED_WITH_REMARK,
        "stored, but the data set does not match the SOP class",
    ),
    codes.TRANSFER_SYNTAX_NOT_SUPPORTED: (Outcome.FINAL, "the transfer syntax is not supported"),
}
_RANGES = {
    codes.OUT_OF_RESOURCES: (Outcome.TRANSIENT, "out of resources"),
    codes.DATA_SET_DOES_NOT_MATCH: (Outcome.FINAL, "the data set does not match the SOP class"),
    codes.WARNINGS: (Outcome.STORED_WITH_REMARK, "stored, with a warning"),
    codes.CANNOT_UNDERSTAND: (Outcome.FINAL, "the data set can't be understood"),
}


def outcome_of_status(status: int, comment: str = "") -> StoreOutcome:
    """Judge a status that a peer answered with. One that the Standard does not give to storing is a failure."""
    outcome, reason = _SINGLE.get(status) or _in_range(status)
    return StoreOutcome(outcome, f"{reason} ({status:04X})" if reason else "", status, comment)


def _in_range(status: int) -> tuple[Outcome, str]:
    for among, judged in _RANGES.items():
        if status in among:
            return judged
    return Outcome.FINAL, "refused, with a status that the Standard does not know"
