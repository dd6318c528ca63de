"""Who may come in, and in which presentation contexts (PS3.8 section 9.3, PS3.7 annex D.3)."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from gateway.associations.record import ContextRecord, ContextResult, plain
from gateway.dimse.connection import UnexpectedPdu
from gateway.dimse.negotiation import (
    ACCEPTED,
    APPLICATION_CONTEXT,
    NO_ABSTRACT_SYNTAX,
    NO_TRANSFER_SYNTAX,
    operations_asked_for,
    operations_window,
    user_information,
)
from gateway.registry import Registry
from gateway.registry.admission import Codes, Rejection, answer_context, judge_titles

_RESULTS = {
    ContextResult.ACCEPTED: ACCEPTED,
    ContextResult.NO_ABSTRACT_SYNTAX: NO_ABSTRACT_SYNTAX,
    ContextResult.NO_TRANSFER_SYNTAX: NO_TRANSFER_SYNTAX,
}

_LONGEST_UID = 64  # PS3.5 section 9.1; a peer may send what is longer

_CALLED_AE, _CALLING_AE = slice(10, 26), slice(26, 42)  # in the PDU, PS3.8 table 9-11
_HEADER_BYTES = 6

Contexts = dict[int, str]
"""The accepted presentation contexts: the transfer syntax of each, by its id."""


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """What an A-ASSOCIATE-RQ asks for. AE titles are without padding; only what can be printed of them is kept."""

    calling_ae: str
    called_ae: str
    primitive: A_ASSOCIATE
    protocol_version: int

    @property
    def peer_max_pdu_bytes(self) -> int:
        """The longest PDU that the peer takes; 0 for no limit (PS3.8 D.1)."""
        return int(self.primitive.maximum_length_received or 0)


class Titles(NamedTuple):
    """Who asks whom, as far as it can be printed: they stand at fixed places, whatever the rest of a request is."""

    calling_ae: str
    called_ae: str


UNNAMED = Titles("", "")


def titles_in(pdu: memoryview) -> Titles:
    """Return the AE titles in the content of an A-ASSOCIATE-RQ PDU, "" for one that is blank or missing."""
    raw = bytes(_HEADER_BYTES) + pdu
    return Titles(_title(raw[_CALLING_AE]), _title(raw[_CALLED_AE]))


def decode_request(pdu: memoryview) -> AssociationRequest:
    """Read the content of an A-ASSOCIATE-RQ PDU. Raises UnexpectedPdu where it can't be read."""
    raw = bytearray(b"\x01\0" + len(pdu).to_bytes(4, "big") + pdu)
    calling_ae, called_ae = titles_in(pdu)
    for field, title in ((_CALLED_AE, called_ae), (_CALLING_AE, calling_ae)):
        if not title:  # pynetdicom reads no request with a blank title; ours is told what is wrong with it
            raw[field.start : field.start + 1] = b"-"
    request = A_ASSOCIATE_RQ()
    try:
        request.decode(bytes(raw))
        return AssociationRequest(calling_ae, called_ae, request.to_primitive(), request.protocol_version)
    except Exception as error:  # pynetdicom raises whatever its parsers happen to meet
        raise UnexpectedPdu("the association request can't be read", reason=6) from error


def judge(request: AssociationRequest, address: str, registry: Registry) -> Rejection | None:
    """Say why a request is rejected for who asks whom; None where it may come in."""
    if not request.protocol_version & 1:
        return Rejection(Codes.PROTOCOL_VERSION, "the protocol version is not supported")
    if request.primitive.application_context_name != APPLICATION_CONTEXT:
        return Rejection(Codes.APPLICATION_CONTEXT_UNKNOWN, "the application context is not that of DICOM")
    return judge_titles(request.calling_ae, request.called_ae, address, registry)


def encode_rejection(codes: Codes) -> bytes:
    """Return the A-ASSOCIATE-RJ PDU."""
    pdu = A_ASSOCIATE_RJ()
    pdu.result, pdu.source, pdu.reason_diagnostic = codes.value
    return bytes(pdu.encode())


class Acceptance(NamedTuple):
    """The A-ASSOCIATE-AC, the contexts that it accepts, and all that were proposed, with what became of each."""

    answer: bytes
    contexts: Contexts
    proposed: tuple[ContextRecord, ...]


def accept(request: AssociationRequest, max_pdu_bytes: int) -> Acceptance:
    """Answer `request`.

    Whatever window of asynchronous operations is asked for is granted (PS3.7 section D.3.3.3): requests are served one
    after the other, and those that wait take no memory here, since they are not read before.
    """
    proposed = request.primitive.presentation_context_definition_list
    records = [answer_context(str(each.abstract_syntax), list(map(str, each.transfer_syntax))) for each in proposed]
    contexts = [_answer(context, record) for context, record in zip(proposed, records, strict=True)]
    answer = A_ASSOCIATE()
    answer.application_context_name = APPLICATION_CONTEXT
    answer.calling_ae_title = request.primitive.calling_ae_title
    answer.called_ae_title = request.primitive.called_ae_title
    answer.result = 0
    answer.presentation_context_definition_results_list = contexts
    answer.user_information = user_information(max_pdu_bytes)
    if (operations := operations_asked_for(request.primitive)) is not None:
        answer.user_information.append(operations_window(operations))
    accepted = {
        context.context_id: str(context.transfer_syntax[0])
        for context in contexts
        if context.result == ACCEPTED and context.context_id is not None
    }
    return Acceptance(bytes(A_ASSOCIATE_AC(answer).encode()), accepted, tuple(map(_plain, records)))


def _answer(proposed: PresentationContext, record: ContextRecord) -> PresentationContext:
    answer = PresentationContext()
    answer.context_id = proposed.context_id
    answer.abstract_syntax = proposed.abstract_syntax
    answer.transfer_syntax = [record.transfer_syntax if record.is_accepted else proposed.transfer_syntax[0]]
    answer.result = _RESULTS[record.result]
    return answer


def _plain(record: ContextRecord) -> ContextRecord:
    uids = _plain_uid(record.abstract_syntax), _plain_uid(record.transfer_syntax)
    return replace(record, abstract_syntax=uids[0], transfer_syntax=uids[1])


def _plain_uid(uid: str) -> str:
    return plain(uid[:_LONGEST_UID])


def _title(raw: bytes) -> str:
    text = raw.decode("ascii", "replace").strip(" \0")
    return "".join(character if character.isprintable() else "?" for character in text)
