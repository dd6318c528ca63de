"""Results that are filed below a directory."""

import threading
from pathlib import Path

import pytest

from gateway.config import DirectoryDestination
from gateway.destinations.directory import DirectoryAdapter
from gateway.destinations.port import OutgoingFile
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.errors import PeerRefused


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    root.mkdir()
    return root


@pytest.fixture
def adapter(root: Path) -> DirectoryAdapter:
    return DirectoryAdapter(DirectoryDestination(name="research", path=root))


def outgoing(directory: Path, key: str, content: bytes = b"result") -> OutgoingFile:
    file = directory / "outgoing"
    file.write_bytes(content)
    return OutgoingFile(0, file, key)


def delivered(adapter: DirectoryAdapter, file: OutgoingFile) -> StoreOutcome:
    ((_, outcome),) = adapter.deliver([file], threading.Event())
    return outcome


def test_a_file_lies_below_the_directory_as_its_key_says(adapter: DirectoryAdapter, root: Path, tmp_path: Path) -> None:
    assert delivered(adapter, outgoing(tmp_path, "p/dcm/1.2/1.2.3.dcm")).outcome is Outcome.STORED
    assert (root / "p/dcm/1.2/1.2.3.dcm").read_bytes() == b"result"


def test_a_file_that_is_there_is_replaced_as_a_whole(adapter: DirectoryAdapter, root: Path, tmp_path: Path) -> None:
    delivered(adapter, outgoing(tmp_path, "a", b"x" * 100))
    delivered(adapter, outgoing(tmp_path, "a", b"new"))
    assert (root / "a").read_bytes() == b"new"


def test_nothing_half_written_has_a_name(adapter: DirectoryAdapter, root: Path, tmp_path: Path) -> None:
    delivered(adapter, outgoing(tmp_path, "a"))
    assert [path.name for path in root.rglob("*") if path.is_file()] == ["a"]


@pytest.mark.parametrize("key", ["../escaped", "a/../../escaped", "/etc/escaped", "", "a//b", ".writing/a", "a\\b"])
def test_no_key_leads_out_of_the_directory(adapter: DirectoryAdapter, root: Path, tmp_path: Path, key: str) -> None:
    assert delivered(adapter, outgoing(tmp_path, key)).outcome is Outcome.FINAL
    assert list(tmp_path.rglob("escaped")) == []


def test_a_link_leads_nobody_out_of_the_directory(adapter: DirectoryAdapter, root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "link").symlink_to(elsewhere)
    assert delivered(adapter, outgoing(tmp_path, "link/a")).outcome is Outcome.FINAL
    assert list(elsewhere.iterdir()) == []


def test_a_file_where_a_directory_should_be_fails_alone(adapter: DirectoryAdapter, tmp_path: Path) -> None:
    delivered(adapter, outgoing(tmp_path, "a"))
    assert delivered(adapter, outgoing(tmp_path, "a/b")).outcome is Outcome.FINAL


def test_a_probe_finds_out_whether_it_can_be_written_and_leaves_nothing(adapter: DirectoryAdapter, root: Path) -> None:
    adapter.probe()
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_one_that_nobody_may_write_to_refuses(tmp_path: Path) -> None:
    adapter = DirectoryAdapter(DirectoryDestination(name="kernel", path=Path("/sys")))  # not even root may
    with pytest.raises(PeerRefused, match="can't be written"):
        adapter.probe()
    with pytest.raises(PeerRefused, match="can't be written"):
        delivered(adapter, outgoing(tmp_path, "a"))
