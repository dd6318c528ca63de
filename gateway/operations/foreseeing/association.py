"""Would an association be let in, and with which presentation contexts?"""

import os
from collections.abc import Iterable
from dataclasses import replace

from gateway.associations.record import ContextRecord
from gateway.config import Settings
from gateway.dicom.dictionary import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, name_of
from gateway.disk.room import Room
from gateway.errors import NoRoom
from gateway.operations.foreseeing.foreseen import ForeseenAssociation, Question
from gateway.registry import Registry
from gateway.registry.admission import Rejection, answer_context, judge_titles, no_storage

_UNCOMPRESSED = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)


def foreseen_association(settings: Settings, question: Question) -> ForeseenAssociation:
    """Say whether the receiver of these settings would let it in. Names of sources are looked up, for a moment."""
    registry = Registry.of(settings)
    registry.names.start()
    registry.names.stop()
    rejection = judge_titles(question.calling_ae, question.called_ae, question.address, registry)
    if rejection := rejection or _no_room(settings):
        return ForeseenAssociation(False, str(rejection.codes), rejection.reason)
    return ForeseenAssociation(True)


def foreseen_contexts(sop_classes: Iterable[str], sent: Iterable[tuple[str, str]]) -> list[ContextRecord]:
    """Return what would become of the contexts that are proposed for these SOP classes, uncompressed, and for what is
    `sent`: SOP class and transfer syntax.
    """
    proposals: list[tuple[str, tuple[str, ...]]] = [(sop_class, _UNCOMPRESSED) for sop_class in sop_classes]
    proposals += [(sop_class, (syntax,)) for sop_class, syntax in sent]
    answered = [answer_context(*each) for each in dict.fromkeys(proposals)]
    return [replace(each, name=name_of(each.abstract_syntax)) for each in answered]


def not_looked_at(settings: Settings) -> list[str]:
    """What a receiver would look at as well, and nobody could here."""
    if _can_see_spool(settings):
        return []
    return [f"how much room there is: {settings.paths.spool} is not here, or may not be looked into"]


def _no_room(settings: Settings) -> Rejection | None:
    if not _can_see_spool(settings):
        return None
    try:
        Room(settings.paths.spool, settings.spool.reserve_bytes).check(0, 1)
    except NoRoom as error:
        return no_storage(error)
    return None


def _can_see_spool(settings: Settings) -> bool:
    return os.access(settings.paths.spool, os.R_OK | os.X_OK)
