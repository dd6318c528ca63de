"""`md.export.complete`: an export is over, and this is what became of each file.

Keys, their order and their values are those of MONAI Deploy's ExportCompleteEvent; what follows `Target` is ours.
docs/exports.md describes it.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from gateway.events.port import Message
from gateway.exports.settlement import DestinationResult, Settlement
from gateway.exports.states import ExportRow, SendRow, SendState

ROUTING_KEY = "md.export.complete"
TYPE = "ExportCompleteEvent"


def export_complete(export: ExportRow, settlement: Settlement, number: int, settled: datetime) -> Message:
    """The event that tells of settlement `number` of an export, from 1."""
    content = {
        "workflow_instance_id": export.workflow_instance_id,
        "export_task_id": export.export_task_id,
        "status": str(settlement.status),
        "message": settlement.message,
        "file_statuses": {path: int(status) for path, status in settlement.file_statuses.items()},
        "Target": None,
        "export_id": str(export.export_id),
        "settlement": number,
        "destinations": [_destination(result) for result in settlement.destinations],
    }
    return Message(
        routing_key=ROUTING_KEY,
        type=TYPE,
        message_id=complete_message_id(export.export_id, number),
        correlation_id=export.correlation_id,
        body=json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(),
        timestamp=settled,
        about=f"export.{export.export_id}",
    )


def complete_message_id(export: UUID, settlement: int) -> UUID:
    """The id of the message that tells of an export's settlement number `settlement`, from 1: a repeat has the same."""
    return uuid5(export, f"complete:{settlement}")


def _destination(result: DestinationResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "status": str(result.status),
        "stored": result.stored,
        "not_stored": len(result.sends) - result.stored,
        "message": "\n".join(result.reasons),
        "files": _remarkable(result.sends),
    }


def _remarkable(sends: Sequence[SendRow]) -> dict[str, Any]:
    """What there is to say of single files: a plain success is left out."""
    return {
        send.path: {"stored": send.state.is_stored, "code": send.status, "reason": send.reason}
        for send in sends
        if send.state is not SendState.STORED
    }
