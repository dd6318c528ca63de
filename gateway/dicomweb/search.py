"""QIDO-RS: which studies are there, and what instances has one (PS3.18 section 10.6)?

Query values are patterns to some archives, so only answers are taken that equal what was asked for; the others are
counted and dropped. Pages are asked for until one brings nothing new: some archives give less than a page at a time,
and some take no notice of `offset`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.dicom.uid import is_uid
from gateway.dicomweb.archive import Archive
from gateway.errors import PeerRefused, PeerUnavailable
from gateway.web.errors import our_errors

_PATIENT_ID = "00100020"
_ACCESSION_NUMBER = "00080050"
_STUDY_INSTANCE_UID = "0020000D"
_SERIES_INSTANCE_UID = "0020000E"
_SOP_INSTANCE_UID = "00080018"
_NUMBER_OF_STUDY_RELATED_INSTANCES = "00201208"

StudyKey = Literal["StudyInstanceUID", "PatientID", "AccessionNumber"]
_TAGS: Mapping[StudyKey, str] = {
    "StudyInstanceUID": _STUDY_INSTANCE_UID,
    "PatientID": _PATIENT_ID,
    "AccessionNumber": _ACCESSION_NUMBER,
}

Item = Mapping[str, str]
"""The first value of each element of one answer, by tag. It names a patient."""


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study that an archive has, and how many instances it says that it has of it."""

    study_instance_uid: str
    instances: int | None


@dataclass(frozen=True, slots=True)
class FoundStudies:
    """What a query found; `dropped` answers were of something else."""

    studies: tuple[FoundStudy, ...]
    dropped: int


def find_studies(archive: Archive, key: StudyKey, value: str, most: int) -> FoundStudies:
    """Return the studies whose `key` equals `value`. Raises PeerRefused where more than `most` are found."""

    def ask(limit: int, offset: int) -> object:
        return archive.client.search_for_studies(limit=limit, offset=offset, search_filters={key: value})

    items = list(_all_pages(archive, ask, _STUDY_INSTANCE_UID, most))
    matching = [item for item in items if item.get(_TAGS[key]) == value]
    studies = tuple(FoundStudy(item[_STUDY_INSTANCE_UID], _count(item)) for item in matching)
    return FoundStudies(studies, dropped=len(items) - len(matching))


def list_instances(archive: Archive, study: str, series: str | None, most: int) -> list[tuple[str, str]]:
    """Return Series and SOP Instance UID of each instance that the archive has of a study, or of a series of it."""

    def ask(limit: int, offset: int) -> object:
        return archive.client.search_for_instances(study, series, limit=limit, offset=offset)

    listed = []
    for item in _all_pages(archive, ask, _SOP_INSTANCE_UID, most):
        # What the address says already need not stand in an answer.
        of_series = item.get(_SERIES_INSTANCE_UID, series or "")
        if item.get(_STUDY_INSTANCE_UID, study) == study and of_series == (series or of_series) and is_uid(of_series):
            listed.append((of_series, item[_SOP_INSTANCE_UID]))
    return listed


def probe(archive: Archive) -> None:
    """Ask for one study. Raises PeerUnavailable or PeerRefused, whose text says what is wrong."""
    with our_errors(archive.service):
        archive.client.search_for_studies(limit=1)


def _all_pages(archive: Archive, ask: Callable[[int, int], object], key: str, most: int) -> Iterator[Item]:
    """Yield each item once that has a UID at `key`."""
    seen: set[str] = set()
    offset = 0
    while True:
        page = _page(archive, ask, offset)
        offset += len(page)
        new = {item[key]: item for item in page if is_uid(item.get(key, "")) and item[key] not in seen}
        if not new:
            return
        seen |= new.keys()
        if len(seen) > most:
            raise PeerRefused(f"{archive.service} finds more than {most:,}, which is the bound")
        yield from new.values()


def _page(archive: Archive, ask: Callable[[int, int], object], offset: int) -> list[Item]:
    with our_errors(archive.service):
        answer = ask(archive.page_size, offset)
    if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
        raise PeerUnavailable(f"{archive.service} does not answer in DICOM JSON")
    return [{tag: text for tag, element in item.items() if (text := _first_value(element))} for item in answer]


def _first_value(element: Any) -> str:
    """The first value of an element of the DICOM JSON Model, without padding (PS3.5 section 6.2)."""
    try:
        value = element["Value"][0]
    except (LookupError, TypeError):
        return ""
    return str(value).strip("\0 ") if isinstance(value, str | int) else ""


def _count(item: Item) -> int | None:
    text = item.get(_NUMBER_OF_STUDY_RELATED_INSTANCES, "")
    return int(text) if text.isascii() and text.isdigit() else None
