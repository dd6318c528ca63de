"""How much of what is wanted of a study is here."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.retrieval.area import Area
from gateway.retrieval.wanted import ListedInstance, WantedStudy


@dataclass(frozen=True, slots=True)
class StudyState:
    """What is wanted, beside what is in the area now."""

    wanted: WantedStudy
    area: Area

    @property
    def is_complete(self) -> bool:
        """Whether every instance that was listed is here, and as many of the study as the archive says that it has."""
        return not self.missing() and self.here >= self.total

    @property
    def here(self) -> int:
        """The instances that are here: of those that were listed, or of all the study where the archive counts them."""
        if self.wanted.promised is None:
            return len(self.wanted.instances) - len(self.missing())
        study = self.wanted.study_instance_uid
        return sum(instance.study_instance_uid == study for instance in self.area.instances.values())

    @property
    def total(self) -> int:
        """The instances that make it complete."""
        return max(len(self.wanted.instances), self.wanted.promised or 0)

    def missing(self) -> list[ListedInstance]:
        """What was listed and is not here."""
        return [instance for instance in self.wanted.instances if not self._is_here(instance)]

    def is_begun(self, instances: Iterable[ListedInstance]) -> bool:
        """Whether any of these is here."""
        return any(map(self._is_here, instances))

    def by_series(self) -> dict[str, list[ListedInstance]]:
        """What was listed, here or not, by Series Instance UID."""
        found: dict[str, list[ListedInstance]] = {}
        for instance in self.wanted.instances:
            found.setdefault(instance.series_instance_uid, []).append(instance)
        return found

    def __str__(self) -> str:
        return f"{self.here} of {self.total} instances of study {self.wanted.study_instance_uid}"

    def _is_here(self, instance: ListedInstance) -> bool:
        return instance.sop_instance_uid in self.area.instances
