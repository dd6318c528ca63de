"""A lock on a file: one holder, who is named, whatever becomes of the file and of its holder."""

import json
import os
import resource
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.disk.lock_file import LockHolder, holder_of, is_locked, locked
from gateway.errors import AreaBusy

HOLD = """
import sys
from pathlib import Path
from gateway.disk.lock_file import locked
with locked(Path(sys.argv[1]), "other", lambda holder: SystemExit(str(holder))):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(file: Path) -> AbstractContextManager[None]:
    return locked(file, "test", lambda holder: AreaBusy(f"{holder} works on it"))


def test_its_holder_is_named_with_role_process_host_and_time(tmp_path: Path) -> None:
    file = tmp_path / "run" / "test.lock"
    before = datetime.now(UTC)
    with hold(file):
        found = holder_of(file)
    assert found is not None
    assert (found.role, found.process_id, found.host) == ("test", os.getpid(), socket.gethostname())
    assert found.since is not None
    assert before <= found.since <= datetime.now(UTC)
    assert holder_of(file) is None


def test_another_process_is_named_until_it_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "test.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        with pytest.raises(AreaBusy, match=f"process {process.pid} on {socket.gethostname()} works on it"), hold(file):
            pass
        process.kill()
    with hold(file):
        assert is_locked(file)


@pytest.mark.parametrize("content", [b"", b"1234\n", b'{"pid": 1', b'{"pid": "x", "host": "h"}', b"[]", b"\xff"])
def test_a_holder_that_wrote_something_else_is_another_process(tmp_path: Path, content: bytes) -> None:
    """As version 0.1 wrote its number alone."""
    file = tmp_path / "test.lock"
    with hold(file):
        file.write_bytes(content)
        assert holder_of(file) == LockHolder()
        with pytest.raises(AreaBusy, match="another process works on it"), hold(file):
            pass


def test_an_owner_of_version_0_1_is_named(tmp_path: Path) -> None:
    file = tmp_path / "owner.lock"
    with hold(file):
        file.write_text(json.dumps({"pid": 7, "host": "node-1"}))
        assert str(holder_of(file)) == "process 7 on node-1"


def test_a_lock_whose_holder_removes_it_is_taken_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "test.lock"
    with hold(file):
        file.unlink()
        with hold(file):
            assert is_locked(file)
    assert not is_locked(file)


def test_it_is_held_though_the_disk_takes_no_word_of_who_holds_it(tmp_path: Path) -> None:
    file = tmp_path / "test.lock"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with hold(file):
            assert holder_of(file) == LockHolder()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
