"""What a process that retrieves takes, and what it leaves behind when it is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from crc32c import crc32c

from gateway.dicom.part10 import FileMeta, encode_head
from gateway.inference.identity import request_id
from tests.gateway.dicomweb.faulty_archive import (
    BOUNDARY,
    PREAMBLE,
    FaultyArchive,
    Held,
    faulty_archive,
    hanging,
    head,
    study,
)
from tests.gateway.dicomweb.raw_service import Conversation
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE, data_set
from tests.gateway.retrieval.scene import Node, study_of
from tests.memory import run_module
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

FETCHING_PROCESS = "tests.gateway.retrieval.fetching_process"
LARGE_BYTES = 600_000_000
MOST_BYTES = 40_000_000
_PIECE = bytes(range(256)) * 4096


@pytest.fixture
def archive() -> Iterator[FaultyArchive]:
    """A study of one series with 324 instances."""
    with faulty_archive(*study(series=1, instances=324)) as archive:
        yield archive


def large_file() -> Iterator[bytes]:
    """A Part 10 file of 600 MB, piece by piece."""
    start = data_set("1.2.1", "1.2.1.1", "1.2.1.1.1", pixels=b"")[:-4]
    yield PREAMBLE + encode_head(FileMeta(CT, "1.2.1.1.1", EXPLICIT_LITTLE, "", "")) + start
    yield LARGE_BYTES.to_bytes(4, "little")
    for at in range(0, LARGE_BYTES, len(_PIECE)):
        yield _PIECE[: LARGE_BYTES - at]


def test_an_instance_of_600_mb_takes_little_memory(tmp_path: Path) -> None:
    def give(conversation: Conversation, _: Sequence[Held]) -> None:
        conversation.socket.sendall(head() + f"--{BOUNDARY}\r\n\r\n".encode())
        for piece in large_file():
            conversation.socket.sendall(piece)
        conversation.socket.sendall(f"\r\n--{BOUNDARY}--".encode())

    with faulty_archive(Held("1.2.1", "1.2.1.1", "1.2.1.1.1"), gives=[give]) as archive:
        told = run_module(FETCHING_PROCESS, archive.url, tmp_path, "1.2.1")
    assert (told["fetched"], told["error"]) == (1, "")
    assert int(str(told["used_bytes"])) < MOST_BYTES
    assert checksum_of(tmp_path) == crc32c_of(large_file())


def test_after_a_kill_in_mid_study_only_the_rest_is_fetched(tmp_path: Path, archive: FaultyArchive) -> None:
    archive.gives = [hanging(0.5)]
    process = subprocess.Popen([sys.executable, "-m", FETCHING_PROCESS, archive.url, tmp_path, "1.2.1"])
    index = tmp_path / "areas" / str(request_id("T-1")) / "index"
    wait_until(lambda: index.exists() and index.read_bytes().count(b"\n") > 150, 20, "half of the study to arrive")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    here = index.read_bytes().count(b"\n")
    archive.wado.clear()
    node = Node(tmp_path)
    assert node.retrieve(study_of(archive.url), epoch=2).error(allow_partial=False) is None
    assert node.files() == {held.sop: held.file for held in archive.held}
    assert len(archive.wado) == sum(node.progress) == 324 - here


def checksum_of(root: Path) -> int:
    (file,) = root.glob("areas/*/files/*")
    with file.open("rb") as opened:
        found = crc32c_of(iter(lambda: opened.read(1 << 20), b""))
    file.unlink()
    return found


def crc32c_of(pieces: Iterator[bytes]) -> int:
    checksum = 0
    for piece in pieces:
        checksum = crc32c(piece, checksum)
    return checksum
