"""Who may come in, and in which presentation contexts (PS3.8 section 9.3, PS3.7 annex D.3)."""

from dataclasses import replace
from typing import NamedTuple

from gateway.associations.record import ContextRecord, ContextResult, plain
from gateway.dicom.dictionary import IMPLICIT_VR_LITTLE_ENDIAN
from gateway.dimse.association_answer import AnsweredContext, encode_acceptance
from gateway.dimse.association_request import AssociationRequest, ProposedContext, RequestHead
from gateway.dimse.items import ACCEPTED, APPLICATION_CONTEXT, NO_ABSTRACT_SYNTAX, NO_TRANSFER_SYNTAX
from gateway.registry import Registry
from gateway.registry.admission import Codes, Rejection, answer_context, judge_titles

_RESULTS = {
    ContextResult.ACCEPTED: ACCEPTED,
    ContextResult.NO_ABSTRACT_SYNTAX: NO_ABSTRACT_SYNTAX,
    ContextResult.NO_TRANSFER_SYNTAX: NO_TRANSFER_SYNTAX,
}

_LONGEST_UID = 64  # PS3.5 section 9.1; a peer may send what is longer

Contexts = dict[int, str]
"""The accepted presentation contexts: the transfer syntax of each, by its id."""


def judge_head(head: RequestHead, address: str, registry: Registry) -> Rejection | None:
    """Say why a request is rejected for who asks whom; None where the rest of it is worth a look."""
    if not head.speaks_our_version:
        return Rejection(Codes.PROTOCOL_VERSION, "the protocol version is not supported")
    return judge_titles(*head.titles, address, registry)


def judge_request(request: AssociationRequest) -> Rejection | None:
    """Say why a request is rejected for what it asks for; None where it may come in."""
    if request.application_context != APPLICATION_CONTEXT:
        return Rejection(Codes.APPLICATION_CONTEXT_UNKNOWN, "the application context is not that of DICOM")
    return None


class Acceptance(NamedTuple):
    """The A-ASSOCIATE-AC, the contexts that it accepts, and all that were proposed, with what became of each."""

    answer: bytes
    contexts: Contexts
    proposed: tuple[ContextRecord, ...]


def accept(head: RequestHead, request: AssociationRequest, max_pdu_bytes: int) -> Acceptance:
    """Answer `request`.

    Whatever window of asynchronous operations is asked for is granted (PS3.7 section D.3.3.3): requests are served one
    after the other, and those that wait take no memory here, since they are not read before.
    """
    records = [answer_context(each.abstract_syntax, each.transfer_syntaxes) for each in request.contexts]
    answered = [_answer(proposed, record) for proposed, record in zip(request.contexts, records, strict=True)]
    accepted = {each.context_id: each.transfer_syntax for each in answered if each.result == ACCEPTED}
    encoded = encode_acceptance(head, answered, max_pdu_bytes, request.operations)
    return Acceptance(encoded, accepted, tuple(map(_plain, records)))


def _answer(proposed: ProposedContext, record: ContextRecord) -> AnsweredContext:
    named = (record.transfer_syntax, *proposed.transfer_syntaxes, IMPLICIT_VR_LITTLE_ENDIAN)
    return AnsweredContext(proposed.context_id, _RESULTS[record.result], next(filter(None, named)))


def _plain(record: ContextRecord) -> ContextRecord:
    return replace(record, abstract_syntax=plain(record.abstract_syntax[:_LONGEST_UID]))
