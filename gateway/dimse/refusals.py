"""Why a peer takes no association or no context, in words, and whether waiting can help (PS3.8 section 9.3)."""

from pydicom.uid import UID

from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.dimse.negotiation import Answer, Proposal
from gateway.errors import PeerRefused, PeerUnavailable

_BY_USER, _BY_ACSE, _BY_PRESENTATION = 1, 2, 3
_PERMANENT = 1

_REJECTIONS = {
    (_BY_USER, 1): "no reason given",
    (_BY_USER, 2): "application context name not supported",
    (_BY_USER, 3): "calling AE title not recognized",
    (_BY_USER, 7): "called AE title not recognized",
    (_BY_ACSE, 1): "no reason given",
    (_BY_ACSE, 2): "protocol version not supported",
    (_BY_PRESENTATION, 1): "temporary congestion",
    (_BY_PRESENTATION, 2): "local limit exceeded",
}
"""Source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

# The peer's own "permanent" alone does not make one final: dcmtk says permanent, no reason, when it is merely busy.
_FINAL_REJECTIONS = frozenset({(_BY_USER, 2), (_BY_USER, 3), (_BY_USER, 7), (_BY_ACSE, 2)})

_CONTEXT_RESULTS = {
    1: "its user refuses the presentation context",
    2: "it refuses the presentation context and gives no reason",
    3: "it does not support the SOP class",
    4: "it does not support the transfer syntax for this SOP class",
}
"""Results of a presentation context (PS3.8 table 9-18)."""

_ABORTS = {
    0: "no reason given",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}
"""Reasons of an A-ABORT by the service provider (PS3.8 table 9-26)."""

_BY_PROVIDER = 2


def rejection(peer: object, result: int, source: int, reason: int) -> PeerRefused | PeerUnavailable:
    """Return the error that an A-ASSOCIATE-RJ stands for."""
    why = _REJECTIONS.get((source, reason), "for a reason that the Standard does not know")
    text = f"{peer} rejected the association: {why} ({result}/{source}/{reason})"
    is_final = result == _PERMANENT and (source, reason) in _FINAL_REJECTIONS
    return PeerRefused(text) if is_final else PeerUnavailable(text)


def abort_text(pdu: bytes) -> str:
    """Say what the content of an A-ABORT PDU told. Only the service provider gives a reason."""
    source, reason = pdu[2:4] if len(pdu) == 4 else (0, 0)
    if source != _BY_PROVIDER:
        return "the peer aborted"
    return f"the peer aborted: {_ABORTS.get(reason, 'unknown reason')}"


def context_refusal(peer: object, proposal: Proposal, answer: Answer, *, any_accepted: bool) -> StoreOutcome:
    """Return the outcome of a file whose presentation context was not accepted: it is not sent."""
    what = f"{_named(proposal.abstract_syntax)} in {_named(proposal.transfer_syntaxes[0])}"
    why = _CONTEXT_RESULTS.get(answer.result, f"result {answer.result}")
    also = "" if any_accepted else "; it accepts nothing of what was proposed"
    return StoreOutcome(Outcome.FINAL, f"{peer} does not accept {what}: {why}{also}")


def _named(uid: str) -> str:
    name = UID(uid).name
    return f"{name} ({uid})" if name != uid else f"the unknown {uid}"
