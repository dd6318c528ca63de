"""From a plan to what is to be fetched: which studies, instances and resources do the sources have?"""

from collections.abc import Iterator

from gateway.acr.request import AccessionInput, Input, PatientInput, ResourcesInput, StudySelection
from gateway.errors import PeerRefused, PeerUnavailable
from gateway.retrieval.fetch_list import FetchList
from gateway.retrieval.open_sources import OpenSources
from gateway.retrieval.plan import RetrievalPlan
from gateway.sources.items import WantedItem
from gateway.sources.outcome import SourceProblem
from gateway.sources.questions import Question, ResourceQuestion, SeriesQuestion, StudyQuestion


def query(plan: RetrievalPlan, sources: OpenSources) -> FetchList:
    """Ask every source what it has of what the request names.

    What can't be found, or asked, stands in `problems`: the rest goes on. A source that is away is asked once.
    """
    items: dict[int, list[WantedItem]] = {}
    problems: list[SourceProblem] = []
    remarks = list(plan.skipped)
    away: set[int] = set()
    for number, question in _questions(plan):
        if number in away:
            continue
        try:
            found = sources[number].find(question)
        except (PeerUnavailable, PeerRefused) as error:
            problems.append(SourceProblem.of(number, error))
            if isinstance(error, PeerUnavailable):
                away.add(number)
        else:
            items.setdefault(number, []).extend(found.items)
            remarks += [f"inputResources[{number}]: {remark}" for remark in found.remarks]
    return FetchList(
        items={number: tuple(each) for number, each in items.items()},
        problems=tuple(dict.fromkeys(problems)),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _questions(plan: RetrievalPlan) -> Iterator[tuple[int, Question]]:
    for step in plan.steps:
        for question in questions_of(step.input):
            yield step.source.number, question


def questions_of(each: Input) -> Iterator[Question]:
    """Yield a question for each thing that an input names, so that one without an answer keeps none from its own."""
    if isinstance(each, PatientInput):
        yield StudyQuestion("PatientID", each.patient_id, f"study of the patient in {each.place}")
    elif isinstance(each, AccessionInput):
        for index, number in enumerate(each.accession_numbers):
            what = f"study with the accession number in {each.place}.accessionNumber[{index}]"
            yield StudyQuestion("AccessionNumber", number, what)
    elif isinstance(each, ResourcesInput):
        for index, name in enumerate(each.resources):
            place = f"{each.place}.resources[{index}]"
            yield ResourceQuestion(name.resource_type, name.resource_id, each.format, each.version, place)
    else:
        for study in each.studies:
            yield from _of_study(study)


def _of_study(study: StudySelection) -> Iterator[Question]:
    uid = study.study_instance_uid
    if not study.series:
        yield StudyQuestion("StudyInstanceUID", uid, f"study {uid}")
    for series in study.series:
        yield SeriesQuestion(uid, series.series_instance_uid, series.sop_instance_uids)
