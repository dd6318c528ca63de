"""A large object goes from the store to its destination through a small buffer, however slow that is."""

from pathlib import Path

import pytest
from crc32c import crc32c

from examples.ultrasound import write_ultrasound_clip
from gateway.dicom.part10_file import Part10File
from gateway.object_store import Upload
from tests.gateway.dimse.raw_pacs import Manners, raw_pacs
from tests.gateway.exports.scene import Scene
from tests.memory import run_module

pytestmark = pytest.mark.slow

MOST_BYTES = 100_000_000


@pytest.mark.parametrize(("size_bytes", "bytes_per_second"), [(600_000_000, None), (2 * MOST_BYTES, 40_000_000)])
def test_a_large_object_takes_little_memory(
    scene: Scene, tmp_path: Path, url: str, size_bytes: int, bytes_per_second: int | None
) -> None:
    clip = tmp_path / "clip.dcm"
    write_ultrasound_clip(clip, size_bytes)
    length = Part10File.at(clip).data_set_bytes
    scene.store.put(Upload("clip", lambda: clip.open("rb"), clip.stat().st_size, checksum(clip), "application/dicom"))
    clip.unlink()
    export_id = scene.ask(["clip"], "pacs")
    with raw_pacs(Manners(bytes_per_second=bytes_per_second)) as pacs:
        module = "tests.gateway.exports.exporting_process"
        told = run_module(module, url, tmp_path / "objects", export_id, pacs.peer.port, "RAWPACS")
    assert [stored.bytes for stored in pacs.stored] == [length]
    assert told["status"] == "Success"
    assert int(str(told["used_bytes"])) < MOST_BYTES


def checksum(file: Path) -> int:
    crc = 0
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            crc = crc32c(piece, crc)
    return crc
