"""What DIMSE and DICOMweb carry: Part 10 files (PS3.10)."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from gateway.destinations.port import OutgoingFile
from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.errors import InvalidDataSet

Sending = Callable[[Iterable[Part10File]], Iterator[tuple[Part10File, StoreOutcome]]]


def deliver_part10(files: Sequence[OutgoingFile], send: Sending) -> Iterator[tuple[OutgoingFile, StoreOutcome]]:
    """Send those that are Part 10 files, and say of the others that they are none."""
    by_content: dict[Part10File, OutgoingFile] = {}
    for file in files:
        try:
            by_content[Part10File.at(file.path)] = file
        except InvalidDataSet as error:
            yield file, StoreOutcome(Outcome.UNSUPPORTED, f"no DICOM file that can be sent: {error}")
        except OSError as error:
            yield file, StoreOutcome(Outcome.FINAL, f"it can't be read: {error.strerror}")
    if by_content:
        for content, outcome in send(by_content):
            yield by_content[content], outcome
