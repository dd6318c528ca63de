"""One large instance in a small process."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cost import peak_bytes
from examples.ultrasound import write_ultrasound_clip
from gateway.spool.area import scp_area
from gateway.spool.listing import committed_files
from tests.peers.dcmtk import ApplicationEntity, Dcmtk
from tests.peers.ports import free_port
from tests.peers.processes import Server, listens

MOST_BYTES = 32 * 1024 * 1024


@pytest.fixture
def large_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "clip.dcm"
    write_ultrasound_clip(path, 600_000_000)
    yield path
    path.unlink()


def test_an_instance_of_600_mb_takes_the_receiver_little_memory(tmp_path: Path, dcmtk: Dcmtk, large_file: Path) -> None:
    port, data_dir = free_port(), tmp_path / "data"
    environment = {"MIG_DATA_DIR": str(data_dir), "MIG_SCP__PORT": str(port)}
    mig = Path(sys.executable).with_name("mig")
    receiver = Server("mig", [mig, "scp"], tmp_path / "mig", lambda: listens(port), environment)
    receiver.start()
    try:
        assert receiver.pid
        dcmtk.echoscu(ApplicationEntity("MIG", port))
        idle_bytes = peak_bytes(receiver.pid)
        assert dcmtk.storescu(ApplicationEntity("MIG", port), [large_file]).exit_status == 0
        used_bytes = peak_bytes(receiver.pid) - idle_bytes
    finally:
        receiver.stop()
    (instance,) = committed_files(scp_area(data_dir / "spool"))
    assert instance[1].length_bytes > 600_000_000
    assert used_bytes < MOST_BYTES, f"{used_bytes / 1e6:.0f} MB above idle"
    print(f"{used_bytes / 1e6:.1f} MB above the idle {idle_bytes / 1e6:.0f} MB")
