"""The ids of an export and of what is told of it, derived from the request: a repeat has the same."""

import json
from uuid import NAMESPACE_OID, UUID, uuid5

_EXPORTS = uuid5(NAMESPACE_OID, "informatics-gateway/exports")


def export_id(workflow_instance_id: str, export_task_id: str) -> UUID:
    """The id of the export that this task of this workflow instance asks for."""
    return uuid5(_EXPORTS, json.dumps([workflow_instance_id, export_task_id]))


def complete_message_id(export: UUID, settlement: int) -> UUID:
    """The id of the message that tells of an export's settlement number `settlement`, from 1."""
    return uuid5(export, f"complete:{settlement}")
