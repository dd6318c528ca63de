"""The receiver's loop that closes groups, as it runs."""

import threading
from pathlib import Path

from listeners.scp.scp_process import close_groups
from tests.gateway.receiving.scene import Scene
from tests.waiting import wait_until


def test_what_an_operator_wants_closed_is_closed_within_a_second(tmp_path: Path) -> None:
    """The clock of the groups stands still: by itself this one would never close."""
    spool, stopping = Scene(tmp_path), threading.Event()
    spool.associate().send()
    (group,) = spool.intake.open_groups()
    thread = threading.Thread(target=close_groups, args=(spool.intake, stopping))
    thread.start()
    try:
        spool.area.ask_to_close(group.payload_id)
        wait_until(lambda: spool.ready() == [group.payload_id], 3, "the group to be closed")
        wait_until(lambda: spool.area.asked_to_close() == [], 3, "the file to be removed")
    finally:
        stopping.set()
        thread.join()
