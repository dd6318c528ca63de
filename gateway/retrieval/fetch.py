"""All that was listed, source by source: what can be had is had, whatever goes wrong elsewhere."""

from collections.abc import Iterator

from gateway.retrieval.area import Area
from gateway.retrieval.arrivals import AreaArrivals, Fetching
from gateway.retrieval.fetch_list import FetchList
from gateway.retrieval.fetched import Fetched
from gateway.retrieval.open_sources import OpenSources
from gateway.sources.outcome import RetrievalOutcome, SourceOutcome, SourceProblem, reasons


def fetch(listed: FetchList, sources: OpenSources, fetching: Fetching) -> RetrievalOutcome:
    """Fetch what is missing in the area, and tell how it ended. Raises NoRoom and SpoolFailed."""
    problems = dict.fromkeys(listed.problems)
    remarks = list(listed.remarks)
    for number in sorted(listed.items):
        source = sources[number]
        arrivals = AreaArrivals(fetching, number, str(source))
        for error in source.fetch(listed.items[number], arrivals):
            problems.setdefault(SourceProblem.of(number, error))
        if arrivals.complaint:
            remarks.append(f"inputResources[{number}]: {arrivals.complaint}, and left out")
    return _outcome(listed, fetching.area, tuple(problems), (*remarks, *_transcoded(fetching.area)))


def outcome_so_far(listed: FetchList, area: Area) -> RetrievalOutcome:
    """How far each source has come while it is fetched from."""
    return _outcome(listed, area, listed.problems, listed.remarks)


def _outcome(
    listed: FetchList, area: Area, problems: tuple[SourceProblem, ...], remarks: tuple[str, ...]
) -> RetrievalOutcome:
    sources = (_source_outcome(source, listed, problems, area) for source in listed.sources)
    return RetrievalOutcome(tuple(sources), problems, remarks)


def _source_outcome(source: int, listed: FetchList, problems: tuple[SourceProblem, ...], area: Area) -> SourceOutcome:
    names = set(listed.names(source))
    here: dict[str, Fetched] = {**area.instances, **area.resources}
    return SourceOutcome(
        source,
        found=len(names),
        fetched=len(names & here.keys()),
        bytes=sum(each.bytes for each in here.values() if each.source == source),
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
