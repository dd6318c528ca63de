"""A large file goes through a small buffer, however slow the archive is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.ultrasound import write_ultrasound_clip
from gateway.dicom.part10_file import Part10File
from tests.gateway.dimse.raw_pacs import Manners, raw_pacs
from tests.memory import run_module
from tests.peers.dcmtk import Dcmtk

pytestmark = pytest.mark.slow

MOST_BYTES = 100_000_000


@pytest.fixture
def large_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "clip.dcm"
    write_ultrasound_clip(path, 600_000_000)
    yield path
    path.unlink()


def test_a_file_of_600_mb_arrives_as_it_is_and_takes_little_memory(
    dcmtk: Dcmtk, tmp_path: Path, large_file: Path
) -> None:
    with dcmtk.storescp(tmp_path / "pacs", "--bit-preserving") as pacs:
        told = run_module("tests.gateway.dimse.sending_process", pacs.called.port, "STORESCP", large_file)
        (received,) = pacs.directory.iterdir()
        assert same_data_sets(received, large_file)
        received.unlink()
    assert told["kinds"] == ["stored"]
    assert int(str(told["used_bytes"])) < MOST_BYTES


def test_to_an_archive_that_reads_slowly_it_takes_no_more(tmp_path: Path) -> None:
    """Twice as much as may be used, at 40 MB/s: a sender that queued what the archive has not read would show."""
    path = tmp_path / "clip.dcm"
    write_ultrasound_clip(path, 2 * MOST_BYTES)
    with raw_pacs(Manners(bytes_per_second=40_000_000)) as pacs:
        told = run_module("tests.gateway.dimse.sending_process", pacs.peer.port, "RAWPACS", path)
    assert [stored.bytes for stored in pacs.stored] == [Part10File.at(path).data_set_bytes]
    assert int(str(told["used_bytes"])) < MOST_BYTES


def same_data_sets(one: Path, other: Path) -> bool:
    """Compare what follows the meta groups, a piece at a time."""
    with one.open("rb") as left, other.open("rb") as right:
        left.seek(Part10File.at(one).data_set_offset)
        right.seek(Part10File.at(other).data_set_offset)
        while piece := left.read(1 << 20):
            if piece != right.read(1 << 20):
                return False
        return not right.read(1)
