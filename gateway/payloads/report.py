"""What a run tells of its payload, for the person at the dashboard: ids, counts and times, no patients."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway.payloads.payload import Payload
from gateway.payloads.workflow_request import ROUTING_KEY
from gateway.wording import counted, counted_each, size


def payload_report(payload: Payload, location: str, objects_sent: int, seconds: Mapping[str, float]) -> str:
    """Return Markdown: where the payload came from, where it lies now, and how long each phase took."""
    facts = {
        "Payload": f"`{payload.payload_id}`",
        "From": f"{payload.origin.service.name} {payload.origin.source} → {payload.origin.destination}",
        "Instances": f"{len(payload.instances):,}",
        "Resources": f"{len(payload.resources):,}",
        "Bytes": f"{payload.bytes:,}",
        "Sent again by the sender": f"{len(payload.superseded):,}",
        "Closed": f"{payload.closed_by}, {payload.closed:%Y-%m-%d %H:%M:%S} UTC",
        "Supplements": f"`{payload.supplements}`" if payload.supplements else "nothing",
        "Lies in": f"`{location}`",
        "Objects sent by this run": f"{objects_sent:,}",
        "Announced as": f"`{ROUTING_KEY}` with message id `{payload.message_id}`",
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    times = [f"| {phase} | {taken:.2f} s |" for phase, taken in seconds.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows, "", "| phase | time |", "| --- | ---: |", *times])


def verified_line(payload: Payload) -> str:
    """Say in the run's log what the payload consists of."""
    studies = len({instance.study_instance_uid for instance in payload.instances})
    of = f", of {counted(studies, 'study')}" if studies else ""
    return f"{_files(payload)}, {size(payload.bytes)}{of}: verified"


def stored_line(payload: Payload, location: str, objects_sent: int) -> str:
    """Say in the run's log where it lies, and how much of it an earlier run had stored."""
    there_before = len(payload.instances) + len(payload.files) - objects_sent
    sent = counted(objects_sent, "object")
    return f"{_files(payload)} stored below {location}: {sent} sent, {there_before:,} were there before"


def announced_line(payload: Payload) -> str:
    """Say in the run's log that the workflow manager was told."""
    return f"announced as {ROUTING_KEY}, message {payload.message_id}"


def _files(payload: Payload) -> str:
    return counted_each({"instance": len(payload.instances), "resource": len(payload.resources)})


class PhaseTimes:
    """How long each phase of a run took, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began
