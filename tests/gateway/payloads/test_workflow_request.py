"""`md.workflow.request` to the letter of the existing system."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from gateway.events import Message
from gateway.payloads.payload import DataService, Origin, Payload
from gateway.payloads.workflow_request import workflow_request
from tests.gateway.events.consumer import accept
from tests.gateway.events.payloads import CLOSED, instance, payload


def content(announced: Payload) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(workflow_request(announced, "monaideploy").body)
    return found


def test_the_body_is_byte_for_byte_what_existing_consumers_know() -> None:
    announced = payload(instance(1), instance(2), workflows=("one", "two")).model_copy(
        update={"payload_id": UUID("6a2fe1b4-3c2d-4f0e-9a55-0d3c2b1a0f9e")}
    )
    assert workflow_request(announced, "monaideploy").body.decode() == (
        '{"payload_id":"6a2fe1b4-3c2d-4f0e-9a55-0d3c2b1a0f9e","workflows":["one","two"],"file_count":2,'
        '"correlation_id":"00000000-0000-0000-0000-000000000001","bucket":"monaideploy",'
        '"trigger":{"dataService":1,"source":"CT01","destination":"MIG","artifactType":10},"data_origins":[],'
        '"timestamp":"2025-01-01T12:30:05.1234560Z","workflow_instance_id":null,"task_id":null,'
        '"payload":[{"path":"dcm/1.2.3/1.2.3.4/1.2.3.4.1.dcm","metadata":"dcm/1.2.3/1.2.3.4/1.2.3.4.1.dcm.json"},'
        '{"path":"dcm/1.2.3/1.2.3.4/1.2.3.4.2.dcm","metadata":"dcm/1.2.3/1.2.3.4/1.2.3.4.2.dcm.json"}]}'
    )


def test_the_message_is_known_by_ids_that_derive_from_the_payload() -> None:
    announced = payload()
    message = workflow_request(announced, "monaideploy")
    assert message == workflow_request(announced, "monaideploy")
    assert message == Message(
        routing_key="md.workflow.request",
        type="WorkflowRequestEvent",
        message_id=announced.message_id,
        correlation_id=announced.instances[0].association,
        body=message.body,
        timestamp=CLOSED,
        about=f"payload.{announced.payload_id}",
    )


def test_a_consumer_written_from_the_contract_accepts_it() -> None:
    accept(workflow_request(payload(instance(1), instance(2), workflows=("one",)), "monaideploy").body)


def test_the_first_instance_names_the_trigger_and_every_other_origin_stands_once() -> None:
    first, second = (Origin(service=DataService.DIMSE, source=name, destination="MIG") for name in ("CT01", "MR01"))
    other = content(payload(*(instance(n, origin) for n, origin in enumerate((first, second, first, second), 1))))
    assert other["trigger"]["source"] == "CT01"
    assert [origin["source"] for origin in other["data_origins"]] == ["MR01"]


def test_one_sender_of_two_modalities_is_one_origin() -> None:
    found = content(payload(instance(1, modality="CT"), instance(2, modality="SR")))
    assert found["trigger"]["artifactType"] == 10
    assert found["data_origins"] == []


def test_a_modality_without_a_number_is_unset() -> None:
    assert content(payload(instance(modality="XYZ")))["trigger"]["artifactType"] == 0


def test_names_of_sixteen_characters_are_cut_for_consumers_that_take_fifteen() -> None:
    long = Origin(service=DataService.DIMSE, source="A_TITLE_OF_16_CH", destination="ANOTHER_OF_16_CH")
    message = workflow_request(payload(instance(1), instance(2, long)), "monaideploy")
    (origin,) = json.loads(message.body)["data_origins"]
    assert (origin["source"], origin["destination"]) == ("A_TITLE_OF_16_C", "ANOTHER_OF_16_C")
    accept(message.body)


@pytest.mark.parametrize(("hours", "written"), [(0, "12:30:05.1234560"), (2, "10:30:05.1234560")])
def test_times_are_utc_wherever_the_gateway_stands(hours: int, written: str) -> None:
    opened = datetime(2025, 1, 1, 12, 30, 5, 123456, tzinfo=timezone(timedelta(hours=hours)))
    assert content(payload().model_copy(update={"opened": opened}))["timestamp"] == f"2025-01-01T{written}Z"


def test_letters_beyond_ascii_are_written_as_they_are() -> None:
    assert (
        '"workflows":["Lunge übersicht"]'
        in workflow_request(payload(workflows=("Lunge übersicht",)), "monaideploy").body.decode()
    )
