"""From the parts of an answer to files in the working area: each as it came, and only what was asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import Clock
from gateway.dicom.identity import Identity, identify
from gateway.dicom.part10 import FileMeta, read_head
from gateway.dicom.scanner import HeaderScanner
from gateway.dicomweb.archive import Archive
from gateway.dicomweb.multipart_reader import PartBegins, PartData, PartEvent
from gateway.dicomweb.retrieve import Unit
from gateway.errors import InvalidDataSet
from gateway.retrieval.area import Area, NewFile
from gateway.retrieval.fetched import FetchedInstance

_READ_BYTES = 16_384

Progress = Callable[[int], None]
"""Called with the number of instances or resources that came since the last call."""


@dataclass
class Taken:
    """What became of the parts of a source's answers."""

    instances: int = 0
    bytes: int = 0
    repeated: int = 0  # the same instance once more
    foreign: int = 0  # of another study, series or instance than was asked for
    unreadable: int = 0  # no DICOM file, or one that does not say what it is
    cut: int = 0  # not as long as they said

    @property
    def complaint(self) -> str:
        """What was wrong with parts, for a person; nothing where nothing was."""
        told = {
            "of something else than was asked for": self.foreign,
            "no DICOM files that say what they are": self.unreadable,
            "not as long as they said": self.cut,
        }
        return ", ".join(f"{count} of its parts were {what}" for what, count in told.items() if count)


class Intake:
    """Takes the parts of one answer after the other, each answer begun by `expect`."""

    def __init__(self, area: Area, archive: Archive, source: int, clock: Clock, progress: Progress) -> None:
        self.taken = Taken()
        self._area = area
        self._archive = archive
        self._source = source
        self._clock = clock
        self._progress = progress
        self._unit: Unit | None = None
        self._file: NewFile | None = None
        self._announced_bytes = ""

    def expect(self, unit: Unit) -> None:
        """Say what is asked for next: nothing else is kept."""
        self._unit = unit

    def take(self, event: PartEvent) -> None:
        if isinstance(event, PartBegins):
            self._announced_bytes = event.headers.get("content-length", "")
            self._file = self._area.new_file("dcm")
            return
        assert self._file
        if isinstance(event, PartData):
            self._file.write(event.data)
        else:
            self._end(self._file)

    def give_up(self) -> None:
        if self._file:
            self._file.discard()
            self._file = None

    def _end(self, file: NewFile) -> None:
        file.close()
        if self._is_wanted(file):
            self._file = None
        else:
            self.give_up()

    def _is_wanted(self, file: NewFile) -> bool:
        """Add the file to the area if it is what was asked for; else count why it is not."""
        if self._announced_bytes.isdecimal() and int(self._announced_bytes) != file.bytes:
            self.taken.cut += 1
            return False
        try:
            meta, identity = read_identity(file.path)
        except InvalidDataSet:
            self.taken.unreadable += 1
            return False
        if not self._unit or not _is_of(self._unit, identity):
            self.taken.foreign += 1
            return False
        if identity.sop_instance_uid in self._area.instances:
            self.taken.repeated += 1
            return False
        self._area.add(self._entry(file, meta, identity))
        self.taken.instances += 1
        self.taken.bytes += file.bytes
        self._progress(1)
        return True

    def _entry(self, file: NewFile, meta: FileMeta, identity: Identity) -> FetchedInstance:
        return FetchedInstance(
            file=file.name,
            bytes=file.bytes,
            crc32c=file.crc32c,
            fetched_ns=self._clock.time_ns(),
            source=self._source,
            sop_class_uid=identity.sop_class_uid,
            sop_instance_uid=identity.sop_instance_uid,
            study_instance_uid=identity.study_instance_uid,
            series_instance_uid=identity.series_instance_uid,
            transfer_syntax_uid=meta.transfer_syntax_uid,
            modality=identity.modality,
            as_stored=self._archive.as_stored,
        )


def read_identity(path: Path) -> tuple[FileMeta, Identity]:
    """Say what a Part 10 file is. Raises InvalidDataSet."""
    with path.open("rb") as file:
        meta = read_head(file)
        scanner = HeaderScanner(meta.transfer_syntax_uid)
        while not scanner.complete and (piece := file.read(_READ_BYTES)):
            scanner.feed(piece)
    return meta, identify(scanner.values, "0020,000D")


def _is_of(unit: Unit, identity: Identity) -> bool:
    asked = (unit.study_instance_uid, unit.series_instance_uid, unit.sop_instance_uid)
    came = (identity.study_instance_uid, identity.series_instance_uid, identity.sop_instance_uid)
    return all(uid is None or uid == came_uid for uid, came_uid in zip(asked, came, strict=True))
