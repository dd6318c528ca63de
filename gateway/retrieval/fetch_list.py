"""What the queries of a request found: what has to be fetched, and from which source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from gateway.sources.items import WantedItem, WantedResource, WantedStudy
from gateway.sources.outcome import SourceProblem
from gateway.wording import counted_each


@dataclass(frozen=True, slots=True)
class FetchList:
    """All of it, by index in `inputResources`.

    `problems` are the queries that failed; `remarks` what a person should know of the others.
    """

    items: Mapping[int, tuple[WantedItem, ...]] = field(default_factory=dict)
    problems: tuple[SourceProblem, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def sources(self) -> list[int]:
        """Every source that something is known of."""
        return sorted({*self.items, *(problem.source for problem in self.problems)})

    @property
    def count(self) -> int:
        """The instances and resources that it names, as often as it names them."""
        return sum(1 for source in self.items for _ in self.names(source))

    def found_line(self, names: Mapping[int, str]) -> str:
        """Say in the run's log what was found, given what the sources are called."""
        items = [item for each in self.items.values() for item in each]
        instances = sum(len(item.instances) for item in items if isinstance(item, WantedStudy))
        resources = sum(isinstance(item, WantedResource) for item in items)
        found = counted_each({"instance": instances, "resource": resources})
        return f"found {found} at {', '.join(dict.fromkeys(names.values()))}"

    def names(self, source: int) -> Iterator[str]:
        """The SOP Instance UIDs and the paths of resources that it names of a source."""
        for item in self.items.get(source, ()):
            if isinstance(item, WantedStudy):
                yield from (instance.sop_instance_uid for instance in item.instances)
            elif isinstance(item, WantedResource):
                yield item.path


FETCH_LIST: TypeAdapter[FetchList] = TypeAdapter(FetchList)
"""Turns one into JSON and back, for the working area."""
