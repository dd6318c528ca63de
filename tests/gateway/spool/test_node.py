"""The identity of a spool, and the queue that the runs of its payloads lie in."""

import json
import socket
from pathlib import Path
from uuid import uuid4

from gateway.spool.node import read_node


def test_the_queue_of_a_node_says_which_host_it_is(tmp_path: Path) -> None:
    node = read_node(tmp_path)
    assert node.work_queue == f"node-{socket.gethostname().split('.')[0]}-{str(node.node_id)[:8]}"
    assert read_node(tmp_path) == node


def test_the_queue_stays_when_the_host_has_another_name(tmp_path: Path) -> None:
    before = read_node(tmp_path)
    identity = json.loads((tmp_path / "node.json").read_bytes())
    (tmp_path / "node.json").write_text(json.dumps(identity | {"name": "elsewhere"}))
    assert read_node(tmp_path).work_queue == before.work_queue


def test_a_node_that_exists_keeps_the_queue_that_its_runs_lie_in(tmp_path: Path) -> None:
    node_id = uuid4()
    identity = {"version": 1, "node_id": str(node_id), "name": "ct-gate"}
    (tmp_path / "node.json").write_text(json.dumps(identity))
    assert read_node(tmp_path).work_queue == f"node-{node_id}"
