"""Who may come in, and with which presentation contexts (PS3.8 section 9.3, PS3.7 annex D.3).

Told by what an association request says, without the request: a receiver goes by it, and so does whoever says
beforehand what a receiver would do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gateway.associations.record import ContextRecord, ContextResult
from gateway.dicom.dictionary import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    VERIFICATION,
    is_storage,
)
from gateway.dicom.uid import is_uid
from gateway.errors import NoRoom, SpoolFailed
from gateway.registry.sources import Registry

_VERIFICATION_SYNTAXES = {EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN}


class Codes(Enum):
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    APPLICATION_CONTEXT_UNKNOWN = (1, 1, 2)
    CALLING_AE_UNKNOWN = (1, 1, 3)
    CALLED_AE_UNKNOWN = (1, 1, 7)
    PROTOCOL_VERSION = (1, 2, 2)
    TEMPORARY_CONGESTION = (2, 3, 1)
    LOCAL_LIMIT = (2, 3, 2)

    def __str__(self) -> str:
        return "/".join(map(str, self.value))


@dataclass(frozen=True, slots=True)
class Rejection:
    """What the peer is told, and what an operator reads."""

    codes: Codes
    reason: str


def judge_titles(calling_ae: str, called_ae: str, address: str, registry: Registry) -> Rejection | None:
    """Say why a request is rejected for who asks whom, from which plain address; None where it may come in."""
    if called_ae not in registry.entities:
        return Rejection(Codes.CALLED_AE_UNKNOWN, registry.why_entity_unknown(called_ae))
    if not calling_ae or not registry.knows_source(calling_ae, address):
        is_open = registry.may_become_known(calling_ae)
        codes = Codes.TEMPORARY_CONGESTION if is_open else Codes.CALLING_AE_UNKNOWN
        return Rejection(codes, registry.why_source_unknown(calling_ae, address))
    return None


def no_storage(error: NoRoom | SpoolFailed) -> Rejection:
    """Say that who may come in has to wait until there is room."""
    return Rejection(Codes.TEMPORARY_CONGESTION, f"no storage left: {error}")


def answer_context(abstract_syntax: str, transfer_syntaxes: Sequence[str]) -> ContextRecord:
    """Return what becomes of a proposed presentation context; of its transfer syntaxes those count that are UIDs.

    An instance comes in the first that is proposed, whatever it is: nothing is decoded here.
    """
    if not is_uid(abstract_syntax):
        return ContextRecord(abstract_syntax, ContextResult.NO_ABSTRACT_SYNTAX)
    if abstract_syntax == VERIFICATION:
        chosen = next((syntax for syntax in transfer_syntaxes if syntax in _VERIFICATION_SYNTAXES), None)
    elif is_storage(abstract_syntax):
        chosen = next(iter(transfer_syntaxes), None)
    else:
        return ContextRecord(abstract_syntax, ContextResult.NO_ABSTRACT_SYNTAX)
    if chosen is None:
        return ContextRecord(abstract_syntax, ContextResult.NO_TRANSFER_SYNTAX)
    return ContextRecord(abstract_syntax, ContextResult.ACCEPTED, chosen)
