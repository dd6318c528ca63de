"""Studies of a registered archive, as a person asks for them at the dashboard: a request like any other."""

from collections.abc import Iterator, Sequence

from gateway.acr.request import InferenceRequest, RequestedSource, StudiesInput, StudySelection
from gateway.acr.vocabulary import Interface
from gateway.dicom.uid import is_uid
from gateway.errors import InvalidRequest

_NORMAL = 128


def request_for_studies(
    transaction_id: str, archive: str, study_uids: Sequence[str], workflows: Sequence[str]
) -> InferenceRequest:
    """Return the request for all of these studies. Raises InvalidRequest with every problem; no value is quoted."""
    studies = tuple(dict.fromkeys(uid.strip() for uid in study_uids))
    problems = list(_problems(archive, studies, workflows))
    if problems:
        raise InvalidRequest(problems)
    return InferenceRequest(
        transaction_id=transaction_id,
        priority=_NORMAL,
        workflows=tuple(workflow.strip() for workflow in workflows),
        sources=(RequestedSource(0, Interface.DICOM_WEB, registered=archive),),
        inputs=(StudiesInput("studies", tuple(map(StudySelection, studies))),),
    )


def _problems(archive: str, studies: Sequence[str], workflows: Sequence[str]) -> Iterator[str]:
    if not archive.strip():
        yield "the archive is missing"
    if not studies:
        yield "no study is named"
    for number, uid in enumerate(studies, 1):
        if not is_uid(uid):
            yield f"study {number} is not a UID: up to 64 digits and dots"
    if not all(workflow.strip() for workflow in workflows):
        yield "a workflow is blank"
