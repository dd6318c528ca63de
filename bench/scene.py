"""Where a measurement takes place, how often, and with what: each measurement is given the same scene."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

from pydicom import Dataset

from bench.place import Place, emptied, measured_disk
from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from examples.mr_study import made_mr_study


class Studies:
    """The made files that are sent, each series made when it is first asked for. Reading them costs no disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @cached_property
    def ct(self) -> list[Path]:
        """324 slices of 525 KB."""
        return self._written("ct", made_ct_study(324))

    @cached_property
    def rich_ct(self) -> list[Path]:
        """The same with a vendor's header, as DICOM JSON is made of: some 270 elements, 70 KB."""
        return self._written("rich-ct", made_ct_study(324, rich_header=True))

    @cached_property
    def mr(self) -> list[Path]:
        """1000 slices of 33 KB."""
        return self._written("mr", made_mr_study(1000))

    @cached_property
    def mr_of_another_series(self) -> list[Path]:
        """As many of the same study."""
        return self._written("mr-2", made_mr_study(1000, examination=Examination(series=2)))

    @cached_property
    def tiny(self) -> Path:
        """One slice of 8 by 8 pixels."""
        return self._written("tiny", made_mr_study(1, 8, 8))[0]

    def _written(self, name: str, instances: Iterable[Dataset]) -> list[Path]:
        return write_study(instances, self._directory / name)


@dataclass(frozen=True)
class Scene:
    """`place` lies on the disk that is measured, `work` does not."""

    place: Place
    work: Path
    rounds: int
    quick: bool
    say: Callable[[str], None]
    profiles: Path | None = None
    _numbers: "count[int]" = field(default_factory=count)

    @cached_property
    def studies(self) -> Studies:
        """What is sent."""
        return Studies(self.work / "studies")

    def amount(self, full: int) -> int:
        """How many of something are taken: a twentieth of it where only the bench itself is tried."""
        return max(1, full // 20) if self.quick else full

    def fresh(self, name: str) -> AbstractContextManager[Path]:
        """A new directory on the disk that is measured, for one round: gone, and flushed, when the block ends."""
        return emptied(self.place.directory / f"{name}-{next(self._numbers)}")


@contextmanager
def open_scene(
    directory: Path | None,
    rounds: int,
    say: Callable[[str], None],
    *,
    quick: bool = False,
    profiles: Path | None = None,
) -> Iterator[Scene]:
    """Set the scene below `directory`, by default the system's for temporary files; nothing stays of it."""
    with tempfile.TemporaryDirectory(dir=directory, prefix="bench-") as below, measured_disk(Path(below)) as place:
        work = Path(below) / "work"
        work.mkdir()
        yield Scene(place, work, rounds, quick, say, profiles)
