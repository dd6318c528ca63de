"""From a plan to what is wanted: which studies, instances and resources do the sources have?"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from gateway.config.model import InferenceSettings
from gateway.errors import PeerRefused, PeerUnavailable
from gateway.fhir.search import list_ids
from gateway.inference.plan import Plan, Step
from gateway.inference.problem import Problem
from gateway.inference.request import ResourcesInput
from gateway.retrieval.peers import Peers
from gateway.retrieval.study_query import StudyQuery
from gateway.retrieval.wanted import Wanted, WantedResource, WantedStudy

Lookup = Callable[[], Iterable[WantedStudy | WantedResource]]
"""One question to a source. Raises PeerRefused where there is nothing, PeerUnavailable where nobody answers."""


def query(plan: Plan, peers: Peers, bounds: InferenceSettings) -> Wanted:
    """Ask every source what it has of what the request names.

    What can't be found, or asked, is told by `problems`: the rest goes on. A source that is away is asked once.
    """
    found: list[WantedStudy | WantedResource] = []
    problems: list[Problem] = []
    remarks = list(plan.skipped)
    away: set[int] = set()
    for source, lookup in _lookups(plan, peers, bounds, remarks):
        if source in away:
            continue
        try:
            found += lookup()
        except (PeerUnavailable, PeerRefused) as error:
            problems.append(Problem.of(source, error))
            if isinstance(error, PeerUnavailable):
                away.add(source)
    return Wanted(
        studies=tuple(each for each in found if isinstance(each, WantedStudy)),
        resources=tuple(each for each in found if isinstance(each, WantedResource)),
        problems=tuple(dict.fromkeys(problems)),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _lookups(plan: Plan, peers: Peers, bounds: InferenceSettings, remarks: list[str]) -> Iterator[tuple[int, Lookup]]:
    for step in plan.steps:
        source = step.source.number
        if isinstance(step.input, ResourcesInput):
            lookups = _resource_lookups(step, step.input, peers, bounds)
        else:
            lookups = StudyQuery(peers.archive(source), source, bounds, remarks).lookups(step.input)
        for lookup in lookups:
            yield source, lookup


def _resource_lookups(step: Step, each: ResourcesInput, peers: Peers, bounds: InferenceSettings) -> Iterator[Lookup]:
    for index, name in enumerate(each.resources):
        wanted = WantedResource(
            source=step.source.number,
            resource_type=name.resource_type,
            resource_id=name.resource_id or "",
            format=each.format,
            version=each.version,
            place=f"{each.place}.resources[{index}]",
        )
        yield partial(_all_of_type, wanted, peers, bounds) if name.resource_id is None else partial(tuple, [wanted])


def _all_of_type(wanted: WantedResource, peers: Peers, bounds: InferenceSettings) -> list[WantedResource]:
    client = peers.fhir(wanted.source)
    ids = list_ids(client, wanted.resource_type, wanted.version, bounds.page_size, bounds.max_resources)
    if not ids:
        raise PeerRefused(f"{client.service} has no {wanted.resource_type} ({wanted.place})")
    return [replace(wanted, resource_id=each) for each in ids]
