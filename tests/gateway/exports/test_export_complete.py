"""`md.export.complete`, as its consumers read it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from gateway.config import Settings
from gateway.events import Message, open_publisher
from gateway.exports.export_complete import ROUTING_KEY, export_complete
from gateway.exports.request import read_export_request
from gateway.exports.settlement import ExportStatus, settlement_of
from gateway.exports.states import ExportOrigin, ExportRow, ExportState, FileStatus, SendRow, SendState
from tests.gateway.events.conftest import bind_durably, settings_for
from tests.gateway.exports.scene import request_body
from tests.peers.rabbitmq import RabbitMQ

SETTLED = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
REQUEST = read_export_request(request_body(["a", "b"], ["pacs", "vna"]))
SCHEMA = json.loads(Path(__file__).with_name("md.export.complete.schema.json").read_text(encoding="utf-8"))


def export() -> ExportRow:
    return ExportRow(
        origin=ExportOrigin.REQUEST,
        export_id=REQUEST.export_id,
        workflow_instance_id=REQUEST.workflow_instance_id,
        export_task_id=REQUEST.export_task_id,
        correlation_id=REQUEST.correlation_id,
        agent="monaiscu",
        payload_id=None,
        problem="",
        received=SETTLED,
        state=ExportState.SENDING,
        message="",
        next_try=None,
        fencing_token=1,
        attempt=1,
        flow_run_id=None,
        settlements=0,
        settled=None,
    )


def send(destination: str, path: str, status: FileStatus = FileStatus.SUCCESS, reason: str = "") -> SendRow:
    state = SendState.FAILED if status else SendState.STORED
    return SendRow(destination, path, state, status, None, reason, 1, SETTLED, SETTLED)


def message_of(*sends: SendRow, number: int = 1) -> Message:
    settlement = settlement_of("", ["a", "b"], ["pacs", "vna"], sends, {})
    return export_complete(export(), settlement, number, SETTLED)


def everywhere() -> list[SendRow]:
    return [send(destination, path) for destination in ("pacs", "vna") for path in ("a", "b")]


def test_a_consumer_written_from_the_contract_accepts_it() -> None:
    for sends in (everywhere(), [send("pacs", "a", FileStatus.SERVICE_ERROR, "refused"), *everywhere()[1:]]):
        Draft202012Validator(SCHEMA).validate(json.loads(message_of(*sends).body))


def test_the_worst_destination_wins_for_each_file() -> None:
    sends = [
        send("pacs", "a", FileStatus.CONFIGURATION_ERROR, "unknown"),
        send("pacs", "b"),
        send("vna", "a", FileStatus.SERVICE_ERROR, "refused"),
        send("vna", "b"),
    ]
    settlement = settlement_of("", ["a", "b"], ["pacs", "vna"], sends, {})
    assert settlement.file_statuses == {"a": FileStatus.SERVICE_ERROR, "b": FileStatus.SUCCESS}
    assert settlement.status is ExportStatus.PARTIAL_FAILURE
    assert settlement.message == "pacs: 1 of 2 files not stored: unknown\nvna: 1 of 2 files not stored: refused"
    assert [result.status for result in settlement.destinations] == [ExportStatus.PARTIAL_FAILURE] * 2


def test_a_file_that_is_nowhere_whole_makes_no_partial_success() -> None:
    sends = [
        send("pacs", "a", FileStatus.SERVICE_ERROR, "refused"),
        send("pacs", "b"),
        send("vna", "a"),
        send("vna", "b", FileStatus.SERVICE_ERROR, "refused"),
    ]
    assert settlement_of("", ["a", "b"], ["pacs", "vna"], sends, {}).status is ExportStatus.FAILURE


def test_its_ids_derive_from_the_export_and_the_settlement() -> None:
    first, again, second = (message_of(*everywhere(), number=number) for number in (1, 1, 2))
    assert first == again
    assert first.message_id != second.message_id
    assert (first.routing_key, first.correlation_id) == (ROUTING_KEY, REQUEST.correlation_id)


@pytest.mark.peers
def test_its_properties_are_those_that_monai_deploy_requires(rabbitmq: RabbitMQ) -> None:
    settings = settings_for(rabbitmq)
    queue = bind_durably(rabbitmq, settings, ROUTING_KEY)
    message = message_of(*everywhere())
    publisher = open_publisher(Settings(events=settings))
    publisher.publish(message)
    publisher.close()
    (received,) = rabbitmq.messages(settings.virtual_host, queue, 1)
    properties = received.properties
    assert UUID(properties.message_id) == message.message_id
    assert (properties.correlation_id, properties.type) == (REQUEST.correlation_id, "ExportCompleteEvent")
    assert (properties.content_type, properties.delivery_mode) == ("application/json", 2)
    assert properties.timestamp == int(SETTLED.timestamp())
