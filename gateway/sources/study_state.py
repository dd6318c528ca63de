"""How much of a study is here, and what to ask for next: the largest units that bring nothing again that is here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.dicom.identity import Unit
from gateway.sources.items import ListedInstance, WantedStudy
from gateway.sources.port import Arrivals


@dataclass(frozen=True, slots=True)
class StudyState:
    """What is wanted of a study, beside what is here now."""

    wanted: WantedStudy
    arrivals: Arrivals

    @property
    def is_complete(self) -> bool:
        """Whether every instance that was listed is here, and as many of the study as the source says that it has."""
        return not self.missing() and self.here >= self.total

    @property
    def here(self) -> int:
        """The instances that are here: of those that were listed, or of all the study where the source counts them."""
        if self.wanted.related_instances is None:
            return len(self.wanted.instances) - len(self.missing())
        return self.arrivals.count_of_study(self.wanted.study_instance_uid)

    @property
    def total(self) -> int:
        """The instances that make it complete."""
        return max(len(self.wanted.instances), self.wanted.related_instances or 0)

    def missing(self) -> list[ListedInstance]:
        """What was listed and is not here."""
        return [instance for instance in self.wanted.instances if not self._is_here(instance)]

    def units(self) -> Iterator[Unit]:
        """What to ask for, looked up when its turn comes: the study, its series, its instances."""
        study, level = self.wanted.study_instance_uid, self.wanted.level
        if level == "study" and not self._is_begun(self.wanted.instances):
            yield Unit(study)
        if level != "instances":
            for series, instances in self._by_series().items():
                if len(instances) > 1 and not self._is_begun(instances):
                    yield Unit(study, series)
        for instance in self.missing():
            yield Unit(study, instance.series_instance_uid, instance.sop_instance_uid)

    def __str__(self) -> str:
        return f"{self.here} of {self.total} instances of study {self.wanted.study_instance_uid}"

    def _is_here(self, instance: ListedInstance) -> bool:
        return self.arrivals.has_instance(instance.sop_instance_uid)

    def _is_begun(self, instances: Iterable[ListedInstance]) -> bool:
        return any(map(self._is_here, instances))

    def _by_series(self) -> dict[str, list[ListedInstance]]:
        """What was listed, here or not, by Series Instance UID."""
        found: dict[str, list[ListedInstance]] = {}
        for instance in self.wanted.instances:
            found.setdefault(instance.series_instance_uid, []).append(instance)
        return found
