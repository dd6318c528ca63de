"""An export request, as MONAI Deploy's ExportRequestEvent has it: these files, to those places.

What can't be understood is an UnreadableRequest. What is understood and can't be served has a `problem`: it is recorded
like any other, and ends with an event that says so.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from gateway.errors import UnreadableRequest
from gateway.exports.states import ExportOrigin

ROUTING_KEY_PREFIX = "md.export.request"

_EXPORTS = uuid5(NAMESPACE_OID, "informatics-gateway/exports")
_MAX_ID_LENGTH = 200
_MAX_PATH_LENGTH = 1024  # of an object key
_IDS = ("workflow_instance_id", "export_task_id")
_LISTS = {"files": _MAX_PATH_LENGTH, "destinations": _MAX_ID_LENGTH}


def export_id(workflow_instance_id: str, export_task_id: str) -> UUID:
    """The id of the export that this task of this workflow instance asks for: a repeat asks for the same."""
    return uuid5(_EXPORTS, json.dumps([workflow_instance_id, export_task_id]))


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is to be sent where. `files` are object keys, `destinations` names; both in the order of the request.

    `agent` is the last part of the routing key by which it came; empty where it was submitted by a person or by HTTP.
    `command` is that of an operator who wants a payload sent: of it no workflow knows, and its id is the export's.
    """

    workflow_instance_id: str
    export_task_id: str
    correlation_id: str
    files: tuple[str, ...]
    destinations: tuple[str, ...]
    payload_id: str | None = None
    agent: str = ""
    command: UUID | None = None

    @property
    def origin(self) -> ExportOrigin:
        return ExportOrigin.OPERATOR if self.command else ExportOrigin.REQUEST

    @property
    def export_id(self) -> UUID:
        return self.command or export_id(self.workflow_instance_id, self.export_task_id)

    @property
    def problem(self) -> str:
        """Why it can't be served, whatever the destinations are; empty where it can."""
        if not self.files:
            return "the request names no files"
        if not self.destinations:
            return "the request names no destinations"
        repeated = sum(count > 1 for count in Counter(self.files).values())
        return f"the request names {repeated} of its files more than once" if repeated else ""


def read_export_request(body: bytes, agent: str = "", correlation_id: str | None = None) -> ExportRequest:
    """Read a request, whose names are known in whatever case they come. Raises UnreadableRequest.

    `correlation_id` is that of the message, for a body without one; where neither has one it is the export's id.
    """
    content = _content(body)
    problems = {name: [problem] for name in _IDS if (problem := _id_problem(content.get(name)))}
    for name, most in _LISTS.items():
        problems |= {path: [problem] for path, problem in _list_problems(content, name, most)}
    given = content.get("correlation_id")
    given = correlation_id if given in (None, "") else given
    if given is not None and (problem := _id_problem(given)):
        problems["correlation_id"] = [problem]
    if problems:
        raise UnreadableRequest(problems)
    workflow_instance_id, export_task_id = (content[name].strip() for name in _IDS)
    files, payload_id = tuple(content.get("files") or ()), content.get("payload_id")
    return ExportRequest(
        workflow_instance_id,
        export_task_id,
        given or str(export_id(workflow_instance_id, export_task_id)),
        files,
        tuple(dict.fromkeys(name.strip() for name in content.get("destinations") or ())),
        payload_id if _id_problem(payload_id) == "" else _payload_of(files),
        agent,
    )


def _payload_of(files: Sequence[str]) -> str | None:
    """The payload below whose prefix all files lie, where the request names none."""
    below = {prefix if slash else "" for prefix, slash, _ in (file.partition("/") for file in files)}
    try:
        (prefix,) = below
        return prefix if str(UUID(prefix)) == prefix else None
    except ValueError:  # several, or none that is an id
        return None


def _content(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableRequest({"body": ["not JSON"]}) from None  # the reason would quote it
    if not isinstance(content, dict):
        raise UnreadableRequest({"body": ["not a JSON object"]})
    return {name.lower(): value for name, value in content.items()}


def _id_problem(value: object) -> str:
    if value is None:
        return "missing"
    return _text_problem(value, _MAX_ID_LENGTH)


def _text_problem(value: object, most: int) -> str:
    if not isinstance(value, str):
        return "not a text"
    if not value.strip():
        return "empty"
    if len(value) > most:
        return f"longer than {most} characters"
    return "" if value.isprintable() else "holds characters that can't be printed"


def _list_problems(content: Mapping[str, Any], name: str, most: int) -> list[tuple[str, str]]:
    values = content.get(name)
    if values is None:
        return []
    if not isinstance(values, list):
        return [(name, "not a list")]
    found = ((f"{name}[{number}]", _text_problem(value, most)) for number, value in enumerate(values))
    return [(path, problem) for path, problem in found if problem]
