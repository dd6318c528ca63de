"""Where files lie between the object store and their destinations."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.errors import AreaBusy
from gateway.exports.area import working_area


def test_an_area_is_gone_when_its_run_ends(tmp_path: Path) -> None:
    with working_area(tmp_path / "exports", uuid4(), 1) as area:
        (area / "0.dcm").touch()
    assert list((tmp_path / "exports").iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / f"{uuid4()}.1"
    left.mkdir()
    (left / "0.dcm").touch()
    (tmp_path / f"{left.name}.lock").touch()
    with working_area(tmp_path, uuid4(), 1) as area:
        assert {path.name for path in tmp_path.iterdir()} == {area.name, f"{area.name}.lock"}


def test_runs_side_by_side_leave_each_other_alone(tmp_path: Path) -> None:
    export_id = uuid4()
    with working_area(tmp_path, export_id, 1) as first, working_area(tmp_path, export_id, 2) as second:
        assert first != second
        assert first.is_dir()


def test_two_processes_do_not_share_an_area(tmp_path: Path) -> None:
    export_id = uuid4()
    busy = pytest.raises(AreaBusy, match=f"process {os.getpid()} on .* works on export {export_id} on this node")
    with working_area(tmp_path, export_id, 1), busy, working_area(tmp_path, export_id, 1):
        pass
