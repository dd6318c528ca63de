"""What operators ask of payloads beside their runs, from the row of the command to the peer that sees it."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.config import Settings
from gateway.errors import BrokerUnavailable
from gateway.events import Message, open_publisher
from gateway.events.outbox import Outbox
from gateway.kinds import ask
from gateway.payloads.announcements import Repeats, encode_message
from gateway.payloads.payload import Payload
from gateway.payloads.workflow_request import workflow_request
from gateway.work.commands import CommandRow, NothingToDo, OperatorCommand
from gateway.work.ledger import NoSuchWork
from tests.deployments.dispatching import Dispatching, KindScene, dispatching_on
from tests.deployments.payloads import made_payload, put_into_ready
from tests.gateway.events.conftest import bind_durably, settings_for
from tests.gateway.receiving.scene import Scene as Spool
from tests.peers.prefect_server import PrefectServer
from tests.peers.rabbitmq import RabbitMQ


@pytest.fixture
def dispatching(tmp_path: Path, prefect: PrefectServer, work_pool: str) -> Iterator[Dispatching]:
    with dispatching_on(tmp_path, prefect.api_url, work_pool) as dispatching:
        yield dispatching


def received(dispatching: Dispatching) -> Payload:
    """A payload that is closed, and in the index."""
    payload = made_payload(dispatching.node.node_id)
    put_into_ready(dispatching.node.received, payload)
    dispatching.look()
    return payload


def announced(dispatching: Dispatching) -> Message:
    """One that its run has announced with this, and cleared away."""
    payload = received(dispatching)
    message = workflow_request(payload, "monaideploy")
    dispatching.node.received.keep_announcement(payload.payload_id, encode_message(message))
    dispatching.node.received.finish(payload.payload_id)
    dispatching.node.received.remove(payload)
    return message


def payload_of(message: Message) -> UUID:
    return UUID(json.loads(message.body)["payload_id"])


def asked(dispatching: Dispatching, payload_id: UUID, command: OperatorCommand) -> CommandRow:
    return KindScene("payload", dispatching).asked(payload_id, command)


def test_an_announcement_is_heard_again_to_the_letter(dispatching: Dispatching, rabbitmq: RabbitMQ) -> None:
    message = announced(dispatching)
    said = asked(dispatching, payload_of(message), OperatorCommand.ANNOUNCE)
    assert (said.carried_out, said.outcome) == (True, "its announcement goes out again")
    broker = settings_for(rabbitmq)
    queue = bind_durably(rabbitmq, broker)
    with closing(open_publisher(Settings(events=broker))) as publisher:
        assert Outbox(dispatching.node.database).publish_next(publisher, dispatching.now)
    (heard,) = rabbitmq.messages(broker.virtual_host, queue, 1)
    assert heard.body == message.body
    assert heard.properties.message_id == str(message.message_id)
    assert heard.properties.correlation_id == str(message.correlation_id)
    repeats = dispatching.node.payloads.announcements.repeats([payload_of(message)])
    assert repeats[payload_of(message)].times == 1


def test_it_waits_for_a_broker_that_is_away(dispatching: Dispatching, rabbitmq: RabbitMQ) -> None:
    message, broker = announced(dispatching), settings_for(rabbitmq)
    queue, outbox = bind_durably(rabbitmq, broker), Outbox(dispatching.node.database)
    asked(dispatching, payload_of(message), OperatorCommand.ANNOUNCE)
    with closing(open_publisher(Settings(events=broker))) as publisher:
        rabbitmq.server.stop()
        with pytest.raises(BrokerUnavailable):
            outbox.publish_next(publisher, dispatching.now)
        again = asked(dispatching, payload_of(message), OperatorCommand.ANNOUNCE)
        assert (again.carried_out, "waits for the event broker" in again.outcome) == (False, True)
        rabbitmq.server.start()
        assert outbox.publish_next(publisher, dispatching.now)
    assert len(rabbitmq.messages(broker.virtual_host, queue, 1)) == 1


def test_what_is_not_announced_is_left_to_its_run(dispatching: Dispatching) -> None:
    payload = received(dispatching)
    dispatching.node.received.keep_announcement(
        payload.payload_id, encode_message(workflow_request(payload, "monaideploy"))
    )
    with pytest.raises(NothingToDo, match="is not announced yet: its run does it"):
        ask(dispatching.node, "payload", payload.payload_id, OperatorCommand.ANNOUNCE, "a test")


def test_what_is_still_open_is_announced_when_it_has_closed(dispatching: Dispatching) -> None:
    spool = Spool(dispatching.node.settings.paths.spool)
    spool.associate().send()
    (group,) = spool.intake.open_groups()
    with pytest.raises(NothingToDo, match="is still open"):
        ask(dispatching.node, "payload", group.payload_id, OperatorCommand.ANNOUNCE, "a test")


def test_what_an_earlier_version_announced_is_refused_with_the_reason(dispatching: Dispatching) -> None:
    payload = received(dispatching)
    dispatching.node.received.finish(payload.payload_id)
    dispatching.look()
    with pytest.raises(NothingToDo, match="by a version that did not keep what it said"):
        ask(dispatching.node, "payload", payload.payload_id, OperatorCommand.ANNOUNCE, "a test")


def test_an_announcement_is_taken_from_the_spool_once_its_payload_has_left_it(dispatching: Dispatching) -> None:
    message = announced(dispatching)
    assert dispatching.node.received.announcement_ids() == [payload_of(message)]
    dispatching.look()
    assert dispatching.node.received.announcement_ids() == []
    assert dispatching.node.payloads.announcements.is_kept(payload_of(message))
    assert dispatching.node.payloads.announcements.repeats([payload_of(message)]) == dict[UUID, Repeats]()


def test_nothing_is_asked_of_a_payload_that_nobody_knows(dispatching: Dispatching) -> None:
    with pytest.raises(NoSuchWork):
        ask(dispatching.node, "payload", uuid4(), OperatorCommand.ANNOUNCE, "a test")


def test_an_export_can_not_be_announced(dispatching: Dispatching) -> None:
    export_id = KindScene("export", dispatching).new()
    with pytest.raises(NothingToDo, match="announce is nothing that can be asked of it"):
        ask(dispatching.node, "export", export_id, OperatorCommand.ANNOUNCE, "a test")
