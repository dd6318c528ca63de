"""Export requests as they come."""

import json

import pytest

from gateway.errors import UnreadableRequest
from gateway.exports.request import read_export_request
from tests.gateway.exports.scene import SCU, request_body


def changed(**changes: object) -> bytes:
    """A request with other values."""
    return json.dumps(json.loads(request_body(["a"], ["b"])) | changes).encode()


def problems(body: bytes) -> dict[str, list[str]]:
    with pytest.raises(UnreadableRequest) as caught:
        read_export_request(body)
    return {path: list(texts) for path, texts in caught.value.problems.items()}


def test_a_request_of_the_workflow_manager_is_understood() -> None:
    request = read_export_request(request_body(["a.dcm", "b.dcm"], ["pacs", "vna"]), SCU)
    assert (request.workflow_instance_id, request.export_task_id) == ("8a3b", "task-1")
    assert (request.files, request.destinations) == (("a.dcm", "b.dcm"), ("pacs", "vna"))
    assert (request.correlation_id, request.agent) == ("0c1f7b9e-5a43-4b6e-9a52-0f6a6d1f2b11", SCU)
    assert request.problem == ""


def test_names_are_known_in_whatever_case_they_come() -> None:
    content = json.loads(request_body(["a.dcm"], ["pacs"]))
    shouted = json.dumps({name.upper(): value for name, value in content.items()}).encode()
    assert read_export_request(shouted) == read_export_request(request_body(["a.dcm"], ["pacs"]))


def test_the_same_task_of_the_same_instance_is_the_same_export() -> None:
    first = read_export_request(request_body(["a.dcm"], ["pacs"], message_id="1"))
    again = read_export_request(request_body(["a.dcm"], ["pacs"], message_id="2"))
    other = read_export_request(request_body(["a.dcm"], ["pacs"], task="task-2"))
    assert first.export_id == again.export_id != other.export_id


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\xff", {"body": ["not JSON"]}),
        (b"[" * 100_000, {"body": ["not JSON"]}),
        (b"[]", {"body": ["not a JSON object"]}),
        (b"{}", {"workflow_instance_id": ["missing"], "export_task_id": ["missing"]}),
        (changed(export_task_id=" "), {"export_task_id": ["empty"]}),
        (changed(workflow_instance_id=7), {"workflow_instance_id": ["not a text"]}),
        (changed(export_task_id="x" * 201), {"export_task_id": ["longer than 200 characters"]}),
        (request_body(["a", "\0"], ["b"]), {"files[1]": ["holds characters that can't be printed"]}),
        (changed(files="a"), {"files": ["not a list"]}),
        (changed(destinations=[None]), {"destinations[0]": ["not a text"]}),
        (changed(correlation_id={}), {"correlation_id": ["not a text"]}),
    ],
)
def test_what_can_not_be_understood_is_said_field_by_field(body: bytes, expected: dict[str, list[str]]) -> None:
    assert problems(body) == expected


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"files": []}, "the request names no files"),
        ({"files": None}, "the request names no files"),
        ({"destinations": []}, "the request names no destinations"),
        ({"files": ["a", "b", "a"]}, "the request names 1 of its files more than once"),
    ],
)
def test_what_is_understood_and_can_not_be_served_has_a_problem(changes: dict[str, object], problem: str) -> None:
    assert read_export_request(changed(**changes)).problem == problem


def test_a_destination_that_is_named_twice_is_one() -> None:
    assert read_export_request(request_body(["a"], ["pacs", "vna", "pacs"])).destinations == ("pacs", "vna")


def test_a_request_without_a_correlation_id_takes_that_of_its_message() -> None:
    body = request_body(["a"], ["pacs"], correlation_id=None)
    assert read_export_request(body, SCU, "the-message").correlation_id == "the-message"
    alone = read_export_request(body)
    assert alone.correlation_id == str(alone.export_id)


ONE, OTHER = "42f2de7e-0c0f-41d3-a82b-c49fcd3b2f0f", "d1c9a4a0-5b1e-4f0c-9d2f-3f9f2a1b7c55"


@pytest.mark.parametrize(
    ("files", "named", "payload_id"),
    [
        ([f"{ONE}/dcm/1/2/3.dcm", f"{ONE}/dcm/1/2/4.dcm"], None, ONE),
        ([f"{ONE}/dcm/1/2/3.dcm"], OTHER, OTHER),
        ([f"{ONE}/dcm/1/2/3.dcm", f"{OTHER}/dcm/1/2/3.dcm"], None, None),
        ([f"{ONE}/dcm/1/2/3.dcm", "a.dcm"], None, None),
        (["results/1.dcm"], None, None),
        ([ONE], None, None),
        ([], None, None),
    ],
)
def test_an_export_is_of_the_payload_that_all_its_files_lie_below(
    files: list[str], named: str | None, payload_id: str | None
) -> None:
    assert read_export_request(changed(files=files, payload_id=named)).payload_id == payload_id
