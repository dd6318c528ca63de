"""Who may come in, and in which presentation contexts (PS3.8 section 9.3, PS3.7 annex D.3)."""

from dataclasses import dataclass
from enum import Enum

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from gateway.dimse.connection import UnexpectedPdu
from gateway.dimse.negotiation import (
    ACCEPTED,
    APPLICATION_CONTEXT,
    NO_ABSTRACT_SYNTAX,
    NO_TRANSFER_SYNTAX,
    VERIFICATION,
    operations_asked_for,
    operations_window,
    user_information,
)
from gateway.registry import Registry

_VERIFICATION_SYNTAXES = {ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian}

_CALLED_AE, _CALLING_AE = slice(10, 26), slice(26, 42)  # in the PDU, PS3.8 table 9-11

Contexts = dict[int, str]
"""The accepted presentation contexts: the transfer syntax of each, by its id."""


class Rejection(Enum):
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21), and what an operator reads."""

    APPLICATION_CONTEXT_UNKNOWN = (1, 1, 2, "the application context is not that of DICOM")
    CALLING_AE_UNKNOWN = (1, 1, 3, "no source is registered with this calling AE title and address")
    CALLED_AE_UNKNOWN = (1, 1, 7, "the called AE title is not registered here")
    PROTOCOL_VERSION = (1, 2, 2, "the protocol version is not supported")
    NAME_NOT_RESOLVED = (2, 3, 1, "its source is registered by a name that was never resolved")
    NO_ROOM = (2, 3, 1, "the spool takes no more")
    TOO_MANY_ASSOCIATIONS = (2, 3, 2, "scp.max_associations are open")

    def encode(self) -> bytes:
        """Return the PDU."""
        pdu = A_ASSOCIATE_RJ()
        pdu.result, pdu.source, pdu.reason_diagnostic = self.value[:3]
        return bytes(pdu.encode())

    @property
    def codes(self) -> str:
        return "/".join(str(code) for code in self.value[:3])

    @property
    def text(self) -> str:
        return self.value[3]


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


def decode_request(pdu: memoryview) -> AssociationRequest:
    """Read the content of an A-ASSOCIATE-RQ PDU. Raises UnexpectedPdu where it can't be read."""
    raw = bytearray(b"\x01\0" + len(pdu).to_bytes(4, "big") + pdu)
    called_ae, calling_ae = _title(raw[_CALLED_AE]), _title(raw[_CALLING_AE])
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
        return Rejection.PROTOCOL_VERSION
    if request.primitive.application_context_name != APPLICATION_CONTEXT:
        return Rejection.APPLICATION_CONTEXT_UNKNOWN
    if request.called_ae not in registry.entities:
        return Rejection.CALLED_AE_UNKNOWN
    if not request.calling_ae or not registry.knows_source(request.calling_ae, address):
        is_open = registry.may_become_known(request.calling_ae)
        return Rejection.NAME_NOT_RESOLVED if is_open else Rejection.CALLING_AE_UNKNOWN
    return None


def accept(request: AssociationRequest, max_pdu_bytes: int) -> tuple[bytes, Contexts]:
    """Return the A-ASSOCIATE-AC that answers `request`, and the contexts that it accepts.

    Whatever window of asynchronous operations is asked for is granted (PS3.7 section D.3.3.3): requests are served one
    after the other, and those that wait take no memory here, since they are not read before.
    """
    proposed = request.primitive.presentation_context_definition_list
    contexts = [_answer(context) for context in proposed]
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
    return bytes(A_ASSOCIATE_AC(answer).encode()), accepted


def is_storage(abstract_syntax: str) -> bool:
    """Whether instances of this SOP class may come: every storage class, and what the dictionary does not know.

    That lets in private classes, and those that the Standard adds after this version of the dictionary.
    """
    if abstract_syntax not in UID_dictionary:
        return True
    name, kind = UID_dictionary[abstract_syntax][:2]
    return kind == "SOP Class" and "Storage" in name and not name.startswith(("Storage Commitment", "Media Storage"))


def _answer(proposed: PresentationContext) -> PresentationContext:
    """Accept the first transfer syntax proposed, whatever it is: nothing is decoded here."""
    syntaxes: list[UID] = proposed.transfer_syntax
    result, chosen = ACCEPTED, syntaxes[0]
    if proposed.abstract_syntax == VERIFICATION:
        known = [syntax for syntax in syntaxes if syntax in _VERIFICATION_SYNTAXES]
        result, chosen = (ACCEPTED, known[0]) if known else (NO_TRANSFER_SYNTAX, chosen)
    elif not is_storage(str(proposed.abstract_syntax)):
        result = NO_ABSTRACT_SYNTAX
    answer = PresentationContext()
    answer.context_id = proposed.context_id
    answer.abstract_syntax = proposed.abstract_syntax
    answer.transfer_syntax = [chosen]
    answer.result = result
    return answer


def _title(raw: bytearray) -> str:
    text = raw.decode("ascii", "replace").strip(" \0")
    return "".join(character if character.isprintable() else "?" for character in text)
