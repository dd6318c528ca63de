"""`md.workflow.request`: a payload is stored and waits for the workflow manager.

Keys, their order and their values are those of MONAI Deploy's WorkflowRequestEvent, which its consumers read.
docs/events.md describes it.
"""

import json
from datetime import UTC, datetime
from typing import Any

from gateway.events.port import Message
from gateway.payloads.artifact_type import UNSET
from gateway.payloads.payload import Instance, Origin, Payload, Resource

ROUTING_KEY = "md.workflow.request"
TYPE = "WorkflowRequestEvent"

# The workflow manager rejects an event whose trigger has a longer name. An AE title has up to 16 (PS3.5 6.2).
_MAX_NAME_LENGTH = 15


def workflow_request(payload: Payload, bucket: str) -> Message:
    """The event that announces `payload`: the same, byte for byte, whenever it is made again."""
    content = json.dumps(_content(payload, bucket), ensure_ascii=False, separators=(",", ":"))
    return Message(
        routing_key=ROUTING_KEY,
        type=TYPE,
        message_id=payload.message_id,
        correlation_id=payload.correlation_id,
        body=content.encode(),
        timestamp=payload.closed,
        about=f"payload.{payload.payload_id}",
    )


def _content(payload: Payload, bucket: str) -> dict[str, Any]:
    trigger, *others = _origins(payload)
    return {
        "payload_id": str(payload.payload_id),
        "workflows": payload.workflows,
        "file_count": len(payload.files),
        "correlation_id": str(payload.correlation_id),
        "bucket": bucket,
        "trigger": trigger,
        "data_origins": others,
        "timestamp": _timestamp(payload.opened),
        "workflow_instance_id": None,
        "task_id": None,
        "payload": [{"path": each.path, "metadata": _metadata_path(each)} for each in payload.files],
    } | ({"partial": True} if payload.partial else {})


def _origins(payload: Payload) -> list[dict[str, Any]]:
    """The distinct origins: who asked for it, where somebody did, then that of the first file.

    What differs in the kind of data only is one origin.
    """
    first_of_each: dict[Origin, Instance | Resource] = {}
    if payload.requested_by:
        first_of_each[payload.requested_by] = payload.files[0]
    for each in payload.files:
        first_of_each.setdefault(each.origin, each)
    return [_origin(origin, each) for origin, each in first_of_each.items()]


def _origin(origin: Origin, each: Instance | Resource) -> dict[str, Any]:
    return {
        "dataService": int(origin.service),
        "source": origin.source[:_MAX_NAME_LENGTH],
        "destination": origin.destination[:_MAX_NAME_LENGTH],
        "artifactType": each.artifact_type if isinstance(each, Instance) else UNSET,
    }


def _metadata_path(each: Instance | Resource) -> str:
    return each.metadata_path if isinstance(each, Instance) else ""


def _timestamp(moment: datetime) -> str:
    """A moment as .NET writes it: UTC, to a tenth of a microsecond."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
