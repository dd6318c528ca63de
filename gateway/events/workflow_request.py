"""`md.workflow.request`: a payload is stored and waits for the workflow manager.

Keys, their order and their values are those of MONAI Deploy's WorkflowRequestEvent, which its consumers read.
docs/events.md describes it.
"""

import json
from datetime import UTC, datetime
from typing import Any

from gateway.events.port import Message
from gateway.payload import Instance, Origin, Payload

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
        "file_count": len(payload.instances),
        "correlation_id": str(payload.correlation_id),
        "bucket": bucket,
        "trigger": trigger,
        "data_origins": others,
        "timestamp": _timestamp(payload.opened),
        "workflow_instance_id": None,
        "task_id": None,
        "payload": [{"path": each.path, "metadata": each.metadata_path} for each in payload.instances],
    }


def _origins(payload: Payload) -> list[dict[str, Any]]:
    """The distinct origins, the first instance's first. What differs in the kind of data only is one origin."""
    first_of_each: dict[Origin, Instance] = {}
    for instance in payload.instances:
        first_of_each.setdefault(instance.origin, instance)
    return [_origin(instance) for instance in first_of_each.values()]


def _origin(instance: Instance) -> dict[str, Any]:
    return {
        "dataService": int(instance.origin.service),
        "source": instance.origin.source[:_MAX_NAME_LENGTH],
        "destination": instance.origin.destination[:_MAX_NAME_LENGTH],
        "artifactType": instance.artifact_type,
    }


def _timestamp(moment: datetime) -> str:
    """A moment as .NET writes it: UTC, to a tenth of a microsecond."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
