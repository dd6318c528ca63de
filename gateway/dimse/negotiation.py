"""What we ask for before the first message, and what a peer makes of it (PS3.8 section 9.3, PS3.7 annex D.3).

pynetdicom's PDU classes encode and decode; nothing of its state machine, its threads or its queues is used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext, build_context

from gateway import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from gateway.dimse.connection import UnexpectedPdu
from gateway.dimse.items import (
    ACCEPTED,
    APPLICATION_CONTEXT,
    NO_ABSTRACT_SYNTAX,
    NO_TRANSFER_SYNTAX,
    ONE_AT_A_TIME,
)
from gateway.dimse.peer import Peer


@dataclass(frozen=True, slots=True)
class Proposal:
    """A presentation context that we ask for. The first is proposed with id 1, the next with 3, and so on."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the peer makes of a proposal; `result` is ACCEPTED or says why not."""

    context_id: int
    result: int
    transfer_syntax: str

    @property
    def is_accepted(self) -> bool:
        return self.result == ACCEPTED


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An A-ASSOCIATE-AC: the answers by proposal, and the longest PDU that the peer takes (0: no limit, PS3.8 D.1).

    `operations_at_once` is how many requests the peer lets us have open (0: no limit).
    """

    answers: Mapping[Proposal, Answer]
    peer_max_pdu_bytes: int
    operations_at_once: int = ONE_AT_A_TIME


def encode_request(
    peer: Peer, proposals: Sequence[Proposal], max_pdu_bytes: int, operations_at_once: int = ONE_AT_A_TIME
) -> bytes:
    """Return the A-ASSOCIATE-RQ PDU. It asks for a window of asynchronous operations where more than one is wanted."""
    request = A_ASSOCIATE()
    request.application_context_name = APPLICATION_CONTEXT
    request.calling_ae_title = peer.calling_ae
    request.called_ae_title = peer.called_ae
    request.presentation_context_definition_list = [
        _numbered(context_id, proposal) for context_id, proposal in _with_ids(proposals)
    ]
    request.user_information = user_information(max_pdu_bytes)
    if operations_at_once != ONE_AT_A_TIME:
        request.user_information.append(operations_window(operations_at_once))
    return bytes(A_ASSOCIATE_RQ(request).encode())


def decode_acceptance(pdu: memoryview, proposals: Sequence[Proposal]) -> Acceptance:
    """Read the content of an A-ASSOCIATE-AC PDU. Raises UnexpectedPdu where it can't be read.

    A context that the peer does not mention, or accepts with a transfer syntax that was not proposed, is not accepted.
    """
    accepted = A_ASSOCIATE_AC()
    try:
        accepted.decode(b"\x02\0" + len(pdu).to_bytes(4, "big") + bytes(pdu))
        primitive = accepted.to_primitive()
        results = {item.context_id: item for item in primitive.presentation_context_definition_results_list}
        answers = {
            proposal: _answer(context_id, proposal, results.get(context_id))
            for context_id, proposal in _with_ids(proposals)
        }
        window = operations_asked_for(primitive)
        granted = ONE_AT_A_TIME if window is None else window
        return Acceptance(answers, int(primitive.maximum_length_received or 0), granted)
    except Exception as error:  # pynetdicom raises whatever its parsers happen to meet
        raise UnexpectedPdu("the answer to the association request can't be read", reason=6) from error


def user_information(max_pdu_bytes: int) -> list[Any]:
    """What we say of ourselves in either direction: the longest PDU that we take, and who made us."""
    length = MaximumLengthNotification()
    length.maximum_length_received = max_pdu_bytes
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return [length, class_uid, version]


def operations_window(operations: int) -> AsynchronousOperationsWindowNegotiation:
    """The item by which a requestor asks to have so many operations open (0: no limit), or is granted that.

    The other way it stays at one: nobody here serves operations to a peer that it has called.
    """
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = operations
    window.maximum_number_operations_performed = ONE_AT_A_TIME
    return window


def operations_asked_for(primitive: A_ASSOCIATE) -> int | None:
    """How many operations the requestor wants to have open, or may; None where that is not spoken of."""
    for item in primitive.user_information:
        if isinstance(item, AsynchronousOperationsWindowNegotiation):
            return int(item.maximum_number_operations_invoked)
    return None


def _with_ids(proposals: Sequence[Proposal]) -> list[tuple[int, Proposal]]:
    return [(2 * number + 1, proposal) for number, proposal in enumerate(proposals)]


def _numbered(context_id: int, proposal: Proposal) -> PresentationContext:
    context = build_context(proposal.abstract_syntax, list(proposal.transfer_syntaxes))
    context.context_id = context_id
    return context


def _answer(context_id: int, proposal: Proposal, item: PresentationContext | None) -> Answer:
    if item is None or item.result is None:
        return Answer(context_id, NO_ABSTRACT_SYNTAX, "")
    if item.result != ACCEPTED:
        return Answer(context_id, item.result, "")
    chosen = str(item.transfer_syntax[0])
    return Answer(context_id, ACCEPTED if chosen in proposal.transfer_syntaxes else NO_TRANSFER_SYNTAX, chosen)
