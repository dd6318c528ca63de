"""All that would happen, in one."""

from collections.abc import Sequence

from gateway.associations.contexts import refusal_of
from gateway.config import Settings
from gateway.dicom.dictionary import VERIFICATION
from gateway.operations.foreseeing.association import foreseen_association, foreseen_contexts, not_looked_at
from gateway.operations.foreseeing.foreseen import Foreseen, ForeseenFile, Question
from gateway.operations.foreseeing.instances import StoredFile, foreseen_file
from gateway.operations.foreseeing.payloads import foreseen_payloads


def explain(settings: Settings, question: Question) -> Foreseen:
    """Say what would happen to who calls so, and sends that. Nothing is sent, stored or made.

    Who is rejected sends nothing: of contexts and files nothing is said then.
    """
    association = foreseen_association(settings, question)
    if not association.is_accepted:
        return Foreseen(association, [], "", [], [], not_looked_at(settings))
    entity = next(each for each in settings.application_entities if each.ae_title == question.called_ae)
    judged = [foreseen_file(file, question.calling_ae, entity) for file in question.files]
    stored = [each for each in judged if isinstance(each, StoredFile)]
    payloads = foreseen_payloads(settings, entity, stored)
    numbers = {file: payload.number for payload in payloads for file in payload.files}
    files = [each.told(numbers[each.part10.path]) if isinstance(each, StoredFile) else each for each in judged]
    contexts = foreseen_contexts(_proposed(question), _sent(files))
    return Foreseen(association, contexts, refusal_of(contexts), files, payloads, not_looked_at(settings))


def _proposed(question: Question) -> Sequence[str]:
    """Who names nothing to send would call for an echo."""
    return question.sop_classes if question.sop_classes or question.files else (VERIFICATION,)


def _sent(files: list[ForeseenFile]) -> list[tuple[str, str]]:
    return [(each.sop_class_uid, each.transfer_syntax_uid) for each in files if each.sop_class_uid]
