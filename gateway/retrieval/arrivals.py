"""From what a source gives to files in the working area: each as it came, and only what was asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crc32c import crc32c

from gateway.clock import Clock
from gateway.dicom.identity import Unit, identify, read_header
from gateway.dicom.part10 import FileMeta, read_head
from gateway.errors import InvalidDataSet, PeerRefused
from gateway.lookup.digests import LookupKey
from gateway.payloads.payload import KeptLookups
from gateway.retrieval.area import Area, NewFile
from gateway.retrieval.fetched import FetchedInstance, FetchedResource
from gateway.sources.items import WantedResource
from gateway.sources.port import ArrivingFile

Progress = Callable[[int], None]
"""Called with the number of instances or resources that came since the last call."""


@dataclass
class LeftOut:
    """Files that came and were not kept."""

    repeated: int = 0  # the same instance once more
    foreign: int = 0  # of another study, series or instance than was asked for
    unreadable: int = 0  # no DICOM file, or one that does not say what it is
    cut: int = 0  # not as long as was announced

    def __str__(self) -> str:
        """What was wrong with them, for a person; empty where nothing was."""
        counts = {
            "of something else than was asked for": self.foreign,
            "no DICOM files that say what they are": self.unreadable,
            "not as long as they said": self.cut,
        }
        return ", ".join(f"{count} of its parts were {what}" for what, count in counts.items() if count)


@dataclass(frozen=True, slots=True)
class Fetching:
    """Where all that a request's sources give goes. With `lookup_key` it will be found by what a person has of it."""

    area: Area
    clock: Clock
    progress: Progress
    lookup_key: LookupKey | None = None


class AreaArrivals:
    """The arrivals of one source, whose `name` reasons call it by, in a request's area. As `Arrivals` of the port."""

    def __init__(self, fetching: Fetching, source: int, name: str) -> None:
        self.kept = 0
        self._left_out = LeftOut()
        self._area = fetching.area
        self._source = source
        self._name = name
        self._clock = fetching.clock
        self._progress = fetching.progress
        self._lookup_key = fetching.lookup_key

    @property
    def complaint(self) -> str:
        return str(self._left_out)

    def has_instance(self, sop_instance_uid: str) -> bool:
        return sop_instance_uid in self._area.instances

    def count_of_study(self, study_instance_uid: str) -> int:
        return sum(instance.study_instance_uid == study_instance_uid for instance in self._area.instances.values())

    def new_instance(self) -> NewFile:
        return self._area.new_file("dcm")

    def keep_instance(
        self, file: ArrivingFile, asked: Unit, *, announced_bytes: int | None = None, as_stored: bool = True
    ) -> bool:
        file.close()
        entry = self._entry(file, asked, announced_bytes, as_stored=as_stored)
        if entry is None:
            file.discard()
            return False
        self._keep(entry)
        return True

    def has_resource(self, wanted: WantedResource) -> bool:
        here = self._area.resources.get(wanted.path)
        return here is not None and here.source == self._source

    def keep_resource(self, wanted: WantedResource, document: bytes) -> None:
        """A payload has one place for a type and an id: another source's must be the same byte for byte."""
        here = self._area.resources.get(wanted.path)
        if here is None:
            self._keep(self._write(wanted, document))
        elif (here.bytes, here.crc32c) != (len(document), crc32c(document)):
            raise PeerRefused(
                f"{self._name} has another {wanted.resource_type} ({wanted.place}) under the id that "
                f"inputResources[{here.source}] has: one payload can't hold both"
            )

    def _keep(self, entry: FetchedInstance | FetchedResource) -> None:
        self._area.add(entry)
        self.kept += 1
        self._progress(1)

    def _entry(
        self, file: ArrivingFile, asked: Unit, announced_bytes: int | None, *, as_stored: bool
    ) -> FetchedInstance | None:
        """Return what is known of a file if it is what was asked for; else count why it is not."""
        if announced_bytes not in {None, file.bytes}:
            self._left_out.cut += 1
            return None
        try:
            meta, values = read_values(file.path)
            identity = identify(values, "0020,000D")
        except InvalidDataSet:
            self._left_out.unreadable += 1
            return None
        if not asked.holds(identity):
            self._left_out.foreign += 1
            return None
        if self.has_instance(identity.sop_instance_uid):
            self._left_out.repeated += 1
            return None
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
            as_stored=as_stored,
            lookups=kept_lookups(self._lookup_key, values),
        )

    def _write(self, wanted: WantedResource, document: bytes) -> FetchedResource:
        file = self._area.new_file(wanted.format.extension)
        try:
            file.write(document)
        finally:
            file.close()
        return FetchedResource(
            file=file.name,
            bytes=file.bytes,
            crc32c=file.crc32c,
            fetched_ns=self._clock.time_ns(),
            source=self._source,
            resource_type=wanted.resource_type,
            resource_id=wanted.resource_id,
            format=wanted.format,
        )


def kept_lookups(key: LookupKey | None, values: Mapping[int, bytes]) -> KeptLookups | None:
    """What an instance is found by; None where nothing is to be."""
    return KeptLookups(key=key.fingerprint, digests=tuple(sorted(key.lookups(values)))) if key else None


def read_values(path: Path) -> tuple[FileMeta, Mapping[int, bytes]]:
    """Return what a HeaderScanner reads of a Part 10 file. Raises InvalidDataSet."""
    with path.open("rb") as file:
        meta = read_head(file)
        return meta, read_header(file, meta.transfer_syntax_uid).values
