"""All that is wanted, source by source: what can be had is had, whatever goes wrong elsewhere."""

from collections.abc import Iterator

from gateway.clock import Clock
from gateway.dicomweb.retrieve import UnitFailed
from gateway.errors import GatewayError, NotAtPeer, PeerRefused, PeerUnavailable
from gateway.inference.outcome import Outcome, SourceOutcome
from gateway.inference.problem import Problem, reasons
from gateway.retrieval.area import Area
from gateway.retrieval.fetched import Fetched
from gateway.retrieval.intake import Intake, Progress, Taken
from gateway.retrieval.peers import Peers
from gateway.retrieval.resource import fetch_resource
from gateway.retrieval.study import fetch_study
from gateway.retrieval.study_state import StudyState
from gateway.retrieval.wanted import Wanted, WantedResource, WantedStudy

_MOST_FAILURES_IN_A_ROW = 3


def fetch(wanted: Wanted, peers: Peers, area: Area, clock: Clock, progress: Progress) -> Outcome:
    """Fetch what is missing in the area, and tell how it ended. Raises NoRoom and SpoolFailed."""
    fetching = _Fetching(peers, area, clock, progress)
    for source in _sources(wanted):
        fetching.studies(source, [study for study in wanted.studies if study.source == source])
        fetching.resources(source, [resource for resource in wanted.resources if resource.source == source])
    problems = (*wanted.problems, *fetching.problems)
    sources = (_source_outcome(source, wanted, problems, area) for source in _sources(wanted))
    remarks = (*wanted.remarks, *fetching.remarks, *_transcoded(area))
    return Outcome(tuple(sources), problems, remarks)


def outcome_so_far(wanted: Wanted, area: Area) -> Outcome:
    """How far each source has come while it is fetched from."""
    sources = (_source_outcome(source, wanted, wanted.problems, area) for source in _sources(wanted))
    return Outcome(tuple(sources), wanted.problems, wanted.remarks)


class _Fetching:
    def __init__(self, peers: Peers, area: Area, clock: Clock, progress: Progress) -> None:
        self.problems: list[Problem] = []
        self.remarks: list[str] = []
        self._peers = peers
        self._area = area
        self._clock = clock
        self._progress = progress

    def studies(self, source: int, studies: list[WantedStudy]) -> None:
        if not studies:
            return
        archive = self._peers.archive(source)
        intake = Intake(self._area, archive, source, self._clock, self._progress)
        for study in studies:
            try:
                fetch_study(archive, StudyState(study, self._area), intake)
            except (UnitFailed, NotAtPeer) as error:  # this study's own trouble
                self._note(source, error)
            except (PeerUnavailable, PeerRefused) as error:
                self._note(source, error)
                break
        self._remark(source, intake.taken)

    def resources(self, source: int, resources: list[WantedResource]) -> None:
        failures = 0
        for wanted in resources:
            try:
                if fetch_resource(self._peers.fhir(source), wanted, self._area, self._clock):
                    self._progress(1)
                failures = 0
            except NotAtPeer as error:
                failures = 0
                self._note(source, NotAtPeer(f"{wanted.place}: {error}"))
            except (PeerUnavailable, PeerRefused) as error:
                failures += 1
                self._note(source, error)
                if failures == _MOST_FAILURES_IN_A_ROW:  # it is the server, not the resource
                    break

    def _note(self, source: int, error: GatewayError) -> None:
        problem = Problem.of(source, error)
        if problem not in self.problems:
            self.problems.append(problem)

    def _remark(self, source: int, taken: Taken) -> None:
        if taken.complaint:
            self.remarks.append(f"inputResources[{source}]: {taken.complaint}, and left out")


def _sources(wanted: Wanted) -> list[int]:
    every: tuple[WantedStudy | WantedResource | Problem, ...] = (*wanted.studies, *wanted.resources, *wanted.problems)
    return sorted({each.source for each in every})


def _source_outcome(source: int, wanted: Wanted, problems: tuple[Problem, ...], area: Area) -> SourceOutcome:
    instances = {
        instance.sop_instance_uid for study in wanted.studies if study.source == source for instance in study.instances
    }
    resources = {resource.path for resource in wanted.resources if resource.source == source}
    here: tuple[Fetched, ...] = (*area.instances.values(), *area.resources.values())
    return SourceOutcome(
        source,
        found=len(instances) + len(resources),
        fetched=len(instances & area.instances.keys()) + len(resources & area.resources.keys()),
        bytes=sum(each.bytes for each in here if each.source == source),
        error=reasons([problem.reason for problem in problems if problem.source == source]),
    )


def _transcoded(area: Area) -> Iterator[str]:
    sources = sorted({instance.source for instance in area.instances.values() if not instance.as_stored})
    for source in sources:
        count = sum(instance.source == source and not instance.as_stored for instance in area.instances.values())
        yield (
            f"inputResources[{source}] does not give instances in the transfer syntax that they are stored in: "
            f"{count} may be transcoded"
        )
