"""What a node has to tell of to Prometheus."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

from gateway.exports.request import read_export_request
from gateway.node_context import NodeContext
from gateway.operations.condition.heartbeat import RECEIVER, Hearts
from gateway.operations.condition.readiness import ACCEPTING
from listeners.scp.store_times import StoreTimes
from tests.gateway.receiving.scene import Scene


def store_times(*answers: tuple[int, float]) -> StoreTimes:
    """What a receiver has noted that gave these answers: the status, and after how many seconds."""
    times = StoreTimes()
    for status, seconds in answers:
        times.note(status, seconds)
    return times


ANSWERS = ((0x0000, 0.003), (0x0000, 0.004), (0x0000, 99.0), (0xA700, 0.002))
STORED = store_times(*ANSWERS)


@contextmanager
def receiver_that_tells(node: NodeContext, times: StoreTimes) -> Iterator[None]:
    """Its spool is held, and its loop has turned."""
    scene = Scene(node.settings.paths.spool)
    beat(node, times)
    try:
        yield
    finally:
        scene.crash()


def beat(node: NodeContext, times: StoreTimes) -> None:
    """The loop of a receiver turns."""
    facts = {"associations": 2, "groups": 3, "refuses": "", "stores": times.told()}
    Hearts(node.settings.paths, RECEIVER).of(ACCEPTING, 60).beat(lambda: facts)


def ask_for_export(node: NodeContext, *destinations: str, ago: timedelta = timedelta(minutes=10)) -> UUID:
    body = {
        "workflow_instance_id": "w",
        "export_task_id": str(uuid4()),
        "correlation_id": "c",
        "files": ["a/dcm/1/2/3.dcm"],
        "destinations": destinations,
    }
    request = read_export_request(json.dumps(body).encode())
    node.exports.record(request, node.now() - ago)
    return request.export_id
