"""A large file goes through a small buffer, however slow the service is."""

from pathlib import Path

import pytest
from crc32c import crc32c

from examples.ultrasound import write_ultrasound_clip
from gateway.dicom.part10_file import Part10File
from tests.gateway.dicomweb.raw_service import Conversation, raw_service, store_response
from tests.memory import run_module

pytestmark = pytest.mark.slow

MOST_BYTES = 100_000_000


def test_a_file_of_600_mb_arrives_as_it_is_and_takes_little_memory(tmp_path: Path) -> None:
    told, received = sent(tmp_path / "clip.dcm", 600_000_000, bytes_per_second=None)
    assert told["kinds"] == ["stored"], told["error"]
    assert received == [checksum(tmp_path / "clip.dcm")]
    assert int(str(told["used_bytes"])) < MOST_BYTES
    (tmp_path / "clip.dcm").unlink()


def test_to_a_service_that_reads_slowly_it_takes_no_more(tmp_path: Path) -> None:
    told, received = sent(tmp_path / "clip.dcm", 2 * MOST_BYTES, bytes_per_second=40_000_000)
    assert told["kinds"] == ["stored"], told["error"]
    assert received == [checksum(tmp_path / "clip.dcm")]
    assert int(str(told["used_bytes"])) < MOST_BYTES


def sent(path: Path, about_bytes: int, bytes_per_second: int | None) -> tuple[dict[str, object], list[int]]:
    """Send a clip; return what the sender tells, and the CRC-32C of what came between the part's headers and end."""
    write_ultrasound_clip(path, about_bytes)
    uid, received = Part10File.at(path).sop_instance_uid, []

    def swallow(conversation: Conversation) -> None:
        body = conversation.stream(bytes_per_second)
        head, content = b"", b""
        while b"\r\n\r\n" not in head:
            head += next(body)
        content = head.partition(b"\r\n\r\n")[2]
        left, crc = path.stat().st_size, 0
        while left > 0:
            crc = crc32c(content[:left], crc)
            left -= len(content)
            content = next(body) if left > 0 else b""
        for _ in body:
            pass
        received.append(crc)
        conversation.answer(200, store_response(stored=[uid]))

    with raw_service(swallow) as service:
        told = run_module("tests.gateway.dicomweb.sending_process", service.url, path)
    return told, received


def checksum(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            crc = crc32c(piece, crc)
    return crc
