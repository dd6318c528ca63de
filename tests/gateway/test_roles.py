import os
from collections import Counter
from pathlib import Path
from threading import Event, Thread

import pytest

from gateway.errors import AlreadyRunning
from gateway.roles import holder, only_one
from tests.waiting import wait_until


def test_a_role_is_held_by_one_process_which_is_named(tmp_path: Path) -> None:
    with only_one(tmp_path, "worker"):
        found = holder(tmp_path, "worker")
        assert found is not None
        assert (found.role, found.process_id) == ("worker", os.getpid())
        with pytest.raises(AlreadyRunning, match=rf"`mig worker` runs on it already, as process {os.getpid()} on "):
            only_one(tmp_path, "worker").__enter__()
    assert holder(tmp_path, "worker") is None


def test_roles_and_directories_do_not_stand_in_each_others_way(tmp_path: Path) -> None:
    with only_one(tmp_path, "worker"), only_one(tmp_path, "dispatch"), only_one(tmp_path / "other", "worker"):
        assert holder(tmp_path, "scp") is None


def test_looking_who_holds_a_role_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    with only_one(tmp_path, "worker"):
        pass
    seen: Counter[bool] = Counter()
    enough = Event()

    def look() -> None:
        while not enough.is_set():
            seen[holder(tmp_path, "worker") is not None] += 1

    def take() -> bool:
        with only_one(tmp_path, "worker"):
            pass
        return min(seen[True], seen[False]) >= 20

    looking = Thread(target=look)
    looking.start()
    try:
        wait_until(take, 30, "the two to have met often, with the role free and taken")
    finally:
        enough.set()
        looking.join()
