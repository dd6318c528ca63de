"""What every kind of destination promises, asked of each: a PACS, a DICOMweb service, a directory."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.config import DestinationSettings, DicomWebDestination, DimseDestination, DirectoryDestination
from gateway.destinations.kinds import adapter_of
from gateway.destinations.port import Destination, OutgoingFile
from gateway.dicom.store_outcome import Outcome
from gateway.errors import PeerUnavailable
from tests.gateway.dicomweb.raw_service import raw_service
from tests.gateway.dimse.raw_pacs import raw_pacs
from tests.gateway.exports.scene import pacs_destination, web_destination
from tests.gateway.part10_files import write_files
from tests.peers.ports import free_port


@dataclass
class There:
    """A destination that is there, how it is when it is not, and the names of what it was given."""

    settings: DestinationSettings
    away: DestinationSettings
    given: Callable[[], list[str]]
    takes_anything: bool = False

    @property
    def destination(self) -> Destination:
        return adapter_of(self.settings, "MIG")


def _dimse(stack: ExitStack, _directory: Path) -> There:
    pacs = stack.enter_context(raw_pacs())
    settings = pacs_destination(pacs)
    return There(settings, settings.model_copy(update={"port": free_port()}), lambda: list(pacs.names))


def _dicomweb(stack: ExitStack, _directory: Path) -> There:
    service = stack.enter_context(raw_service())
    settings = web_destination(service)
    away = settings.model_copy(update={"url": f"http://127.0.0.1:{free_port()}"})
    return There(settings, away, lambda: list(service.sent))


def _directory(_stack: ExitStack, directory: Path) -> There:
    root = directory / "results"
    root.mkdir()

    def given() -> list[str]:
        return sorted(path.stem for path in root.rglob("*") if path.is_file())

    settings = DirectoryDestination(name="results", path=root)
    return There(settings, settings.model_copy(update={"path": directory / "not mounted"}), given, takes_anything=True)


_KINDS: dict[type, Callable[[ExitStack, Path], There]] = {
    DimseDestination: _dimse,
    DicomWebDestination: _dicomweb,
    DirectoryDestination: _directory,
}


@pytest.fixture(params=list(_KINDS), ids=lambda kind: kind.model_fields["kind"].default)
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[There]:
    with ExitStack() as stack:
        yield _KINDS[request.param](stack, tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> list[OutgoingFile]:
    return [
        OutgoingFile(number, file.path, f"p/{file.sop_instance_uid}.dcm")
        for number, file in enumerate(write_files(tmp_path, 3))
    ]


def outcomes(destination: Destination, files: list[OutgoingFile], **options: Any) -> dict[int, Outcome]:
    delivered = destination.deliver(files, options.pop("stopping", threading.Event()), **options)
    return {file.number: outcome.outcome for file, outcome in delivered}


def test_every_file_is_delivered_and_told(there: There, files: list[OutgoingFile]) -> None:
    assert outcomes(there.destination, files) == dict.fromkeys(range(3), Outcome.STORED)
    assert there.given() == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]


def test_files_may_go_one_by_one(there: There, files: list[OutgoingFile]) -> None:
    assert outcomes(there.destination, files, together=False) == dict.fromkeys(range(3), Outcome.STORED)


def test_the_same_file_again_is_stored(there: There, files: list[OutgoingFile]) -> None:
    outcomes(there.destination, files[:1])
    assert outcomes(there.destination, files[:1]) == {0: Outcome.STORED}


def test_a_file_that_can_not_be_read_fails_alone(there: There, files: list[OutgoingFile]) -> None:
    files[1].path.unlink()
    found = outcomes(there.destination, files)
    assert found == {0: Outcome.STORED, 1: Outcome.FINAL, 2: Outcome.STORED}


def test_what_a_kind_does_not_carry_is_told_and_takes_no_other_file_with_it(
    there: There, files: list[OutgoingFile], tmp_path: Path
) -> None:
    report = tmp_path / "report.pdf"
    report.write_bytes(b"%PDF-1.4" * 50)
    found = outcomes(there.destination, [OutgoingFile(7, report, "p/report.pdf"), *files])
    assert found.pop(7) is (Outcome.STORED if there.takes_anything else Outcome.UNSUPPORTED)
    assert set(found.values()) == {Outcome.STORED}


def test_one_that_is_stopped_delivers_nothing_more(there: There, files: list[OutgoingFile]) -> None:
    stopping = threading.Event()
    stopping.set()
    assert outcomes(there.destination, files, stopping=stopping) == {}


def test_one_that_is_away_says_so_when_it_is_given_files_and_when_it_is_probed(
    there: There, files: list[OutgoingFile]
) -> None:
    away = adapter_of(there.away, "MIG")
    with pytest.raises(PeerUnavailable):
        outcomes(away, files)
    with pytest.raises(PeerUnavailable):
        away.probe()


def test_one_that_is_there_has_an_address_a_name_and_a_window(there: There) -> None:
    destination = there.destination
    assert destination.name == there.settings.name
    assert destination.address == there.settings.address
    assert destination.retry_for_seconds == 3600


def test_a_kind_without_an_adapter_is_an_error(there: There) -> None:
    with pytest.raises(LookupError):
        adapter_of("a string", "MIG")  # type: ignore[arg-type]
