"""The inference requests' API, over HTTP: MIG's contract, and what is beyond it."""

import json
import time
from pathlib import Path
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.inference.identity import payload_id, request_id
from tests.gateway.acr.requests import as_body, inference_request, source
from tests.listeners.api.service import Api, running_api
from tests.waiting import wait_until

SECRET = "c2VjcmV0OnNlY3JldA=="
PATIENT = "Doe^Jane"


def assert_is_problem(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    assert PATIENT not in answer.text
    assert SECRET not in answer.text


def test_a_request_is_answered_with_its_transaction(api: Api) -> None:
    transaction = str(uuid4())
    answer = api.post(inference_request(transaction_id=transaction))
    assert (answer.status_code, answer.json()) == (200, {"transactionId": transaction})
    assert "Date" in answer.headers
    assert "Server" not in answer.headers


def test_its_status_tells_how_far_it_has_come(api: Api) -> None:
    transaction = str(uuid4())
    api.post(inference_request(transaction_id=transaction) | {"priority": "255"})
    told = api.get(f"/inference/status/{transaction}").json()
    assert told["transactionId"] == transaction
    assert UUID(told["requestId"]) == request_id(transaction)
    assert UUID(told["payloadId"]) == payload_id(request_id(transaction))
    assert (told["state"], told["tries"], told["priorityClass"], told["runUrl"]) == ("queued", 0, "immediate", None)


def test_a_transaction_id_is_the_clients_free_text(api: Api) -> None:
    transaction = f"{PATIENT} / 12.3.1970 ?#% ü {uuid4()}"
    assert api.post(inference_request(transaction_id=transaction)).json() == {"transactionId": transaction}
    assert api.get(f"/inference/status/{quote(transaction, safe='')}").json()["transactionId"] == transaction
    assert PATIENT not in api.log


def test_an_unknown_transaction_is_not_there(api: Api) -> None:
    assert_is_problem(api.get(f"/inference/status/{PATIENT}"), 404)
    assert_is_problem(api.get("/inference/status/%00"), 404)


def test_what_is_known_is_a_conflict(api: Api) -> None:
    request = inference_request(transaction_id=f"{PATIENT}-{uuid4()}")
    assert api.post(request).status_code == 200
    assert_is_problem(api.post(request), 409)


def test_what_can_not_be_bound_is_told_field_by_field(api: Api) -> None:
    request = inference_request() | {"priority": 256, "transactionID": 5}
    answer = api.post(request)
    assert_is_problem(answer, 400)
    assert answer.json()["errors"] == {"transactionID": ["not text"], "priority": ["above 255"]}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"priority": NaN}', b"[" * 100_000])
def test_what_is_no_request_is_a_bad_one(api: Api, body: bytes) -> None:
    assert_is_problem(api.post_bytes(body), 400)


def test_broken_rules_are_told_all_at_once(api: Api) -> None:
    patient = {"type": "DICOM_PATIENT_ID", "PatientID": f"{PATIENT}*"}
    archive = source("http://archive.hospital", auth_type="Basic", auth_id=SECRET)
    answer = api.post(inference_request(patient, sources=[archive], transaction_id=""))
    assert_is_problem(answer, 422)
    assert answer.json()["title"] == "Invalid request"
    for told in ("transactionID: missing", "PatientID: holds a character", "https is needed"):
        assert told in answer.json()["detail"]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_another_media_type_is_not_taken(api: Api, content_type: str) -> None:
    assert_is_problem(api.post_bytes(as_body(inference_request()), content_type), 415)


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "text/json", "application/fhir+json"]
)
def test_json_is_taken_under_each_of_its_names(api: Api, content_type: str) -> None:
    body = as_body(inference_request(transaction_id=str(uuid4())))
    assert api.post_bytes(body, content_type).status_code == 200


def test_a_body_that_is_too_long_is_refused(api: Api) -> None:
    assert_is_problem(api.post_bytes(b" " * 4_000_001), 413)


@pytest.mark.parametrize("path", ["/ui", "/inference/1", "/nothing", f"/{PATIENT}"])
def test_other_addresses_are_not_there(api: Api, path: str) -> None:
    assert_is_problem(api.get(path), 404)


def test_another_method_is_not_allowed(api: Api) -> None:
    answer = httpx.delete(f"{api.url}/inference", trust_env=False)
    assert_is_problem(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) & {"GET", "POST"}


def test_requests_are_listed_the_newest_first(api: Api) -> None:
    transactions = [str(uuid4()) for _ in range(3)]
    for transaction in transactions:
        api.post(inference_request(transaction_id=transaction))
    listed = [told["transactionId"] for told in api.get("/inference", limit=2, offset=1).json()]
    assert listed == [transactions[1], transactions[0]]
    assert api.get("/inference", state="failed").json() == []


@pytest.mark.parametrize("parameters", [{"limit": PATIENT}, {"limit": 0}, {"offset": -1}, {"state": PATIENT}])
def test_parameters_that_are_none_are_told(api: Api, parameters: dict[str, str]) -> None:
    answer = api.get("/inference", **parameters)
    assert_is_problem(answer, 400)
    assert list(answer.json()["errors"]) == [f"query.{next(iter(parameters))}"]


def test_no_credential_is_in_an_answer_the_log_or_a_file(api: Api) -> None:
    archive = source("https://archive.hospital", auth_type="Basic", auth_id=SECRET)
    transaction = str(uuid4())
    assert api.post(inference_request(sources=[archive], transaction_id=transaction)).status_code == 200
    assert SECRET not in api.get(f"/inference/status/{transaction}").text
    assert SECRET not in api.log
    for file in api.data_dir.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()


@pytest.mark.slow  # six starts
def test_a_request_that_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        for number in range(5):
            assert api.post(inference_request(transaction_id=f"T-{number}")).status_code == 200
            api.server.kill()
            api.server.start()
        assert [told["transactionId"] for told in api.get("/inference").json()] == ["T-4", "T-3", "T-2", "T-1", "T-0"]


def test_without_a_key_only_what_needs_none_is_taken(tmp_path: Path) -> None:
    archive = source("https://archive.hospital", auth_type="Basic", auth_id=SECRET)
    with running_api(tmp_path, MIG_INFERENCE__KEY_FILE=str(tmp_path / "missing")) as api:
        assert "requests with credentials will not be taken" in api.log
        assert_is_problem(api.post(inference_request(sources=[archive])), 503)
        assert api.post(inference_request()).status_code == 200


def test_it_ends_in_order_when_it_is_asked_to(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        api.server.stop()
        assert api.server._process
        assert api.server._process.wait() == 0
        assert "API stopped" in api.log


@pytest.mark.slow
def test_it_sleeps_while_nobody_asks(tmp_path: Path) -> None:
    """What is counted is how often it wakes up; a timer of a tenth of a second would show as twenty."""
    with running_api(tmp_path) as api:
        before, begun = _wakes(api), time.monotonic()
        wait_until(lambda: time.monotonic() > begun + 2, 10, "two seconds to pass")
        assert _wakes(api) - before < 5


def _wakes(api: Api) -> int:
    threads = Path(f"/proc/{api.server.pid}/task").glob("*/status")
    return sum(int(thread.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for thread in threads)


def test_the_document_has_examples_that_are_taken(api: Api) -> None:
    document = api.get("/openapi.json").json()
    content = document["paths"]["/inference"]["post"]["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        transaction = str(uuid4())
        assert api.post(example["value"] | {"transactionID": transaction}).status_code == 200
    assert "SubmittedRequest" in json.dumps(content["schema"])
