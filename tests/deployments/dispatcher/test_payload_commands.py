"""What operators ask of payloads beside their runs, from the row of the command to the peer that sees it."""

import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from crc32c import crc32c

from deployments.dispatcher import operator_commands
from gateway.config import Settings, load_settings
from gateway.errors import BrokerUnavailable
from gateway.events import Message, open_publisher
from gateway.events.outbox import Outbox
from gateway.exports.listing import ExportFilter, ExportListing, ExportView
from gateway.exports.settlement import ExportStatus
from gateway.exports.states import ExportOrigin
from gateway.inference.lease import RequestLease
from gateway.kinds import ask
from gateway.object_store import Upload, open_object_store
from gateway.payloads.announcements import Repeats, encode_message
from gateway.payloads.payload import Payload
from gateway.payloads.workflow_request import workflow_request
from gateway.work.commands import CommandRow, Commands, NothingToDo, OperatorCommand, Wish
from gateway.work.ledger import NoSuchWork
from tests.deployments.dispatching import Dispatching, KindScene, dispatching_on
from tests.deployments.payloads import made_payload, put_into_ready
from tests.gateway.dimse.test_real_peers import received as arrived
from tests.gateway.dimse.test_real_peers import sent
from tests.gateway.events.conftest import bind_durably, settings_for
from tests.gateway.exports.scene import Scene as Exporting
from tests.gateway.exports.test_real_peers import destination_of
from tests.gateway.part10_files import write_files
from tests.gateway.receiving.scene import Scene as Spool
from tests.peers.dcmtk import Dcmtk
from tests.peers.minio import MinIO
from tests.peers.prefect_server import PrefectServer
from tests.peers.rabbitmq import RabbitMQ
from tests.waiting import wait_until


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


def asked(dispatching: Dispatching, payload_id: UUID, command: OperatorCommand, *to: str) -> CommandRow:
    return KindScene("payload", dispatching).asked(payload_id, command, to)


def retrieved(dispatching: Dispatching) -> Message:
    """A payload that came from an inference request, and is announced."""
    request = KindScene("request", dispatching)
    request_id = request.new()
    lease = RequestLease(request.take(request_id))  # type: ignore[arg-type]
    payload = made_payload(dispatching.node.node_id).model_copy(update={"payload_id": lease.row().payload_id})
    message = workflow_request(payload, "monaideploy")
    lease.keep_payload(payload)
    lease.keep_announcement(message)
    lease.complete(dispatching.now)
    return message


@pytest.fixture
def site(tmp_path: Path, minio: MinIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """A settings file with a bucket and two destinations."""
    store = {"endpoint": minio.endpoint, "bucket": minio.new_bucket()}
    store |= {"access_key": minio.access_key, "secret_key": minio.secret_key}
    lines = [f'{name} = "{value}"' for name, value in store.items()]
    places = [
        f'[[destinations]]\nname = "{name}"\nkind = "dimse"\nae_title = "A"\nhost = "h"' for name in ("pacs", "vna")
    ]
    text = "\n".join(["[object_store]", 'kind = "s3"', "secure = false", *lines, *places])
    (tmp_path / "gateway.toml").write_text(text)
    monkeypatch.setenv("MIG_CONFIG", str(tmp_path / "gateway.toml"))


def put_objects(*keys: str, content: bytes = b"some bytes") -> None:
    store = open_object_store(load_settings().settings)
    for key in keys:
        store.put(Upload(key, lambda: io.BytesIO(content), len(content), crc32c(content), "application/dicom"))


def exports_of(dispatching: Dispatching, payload_id: UUID) -> list[ExportView]:
    return ExportListing(dispatching.node.database).page(9, wanted=ExportFilter(payload=str(payload_id)))


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
        ask(dispatching.node, Wish("payload", payload.payload_id, OperatorCommand.ANNOUNCE), "a test")


def test_what_is_still_open_is_announced_when_it_has_closed(dispatching: Dispatching) -> None:
    spool = Spool(dispatching.node.settings.paths.spool)
    spool.associate().send()
    (group,) = spool.intake.open_groups()
    with pytest.raises(NothingToDo, match="is still open"):
        ask(dispatching.node, Wish("payload", group.payload_id, OperatorCommand.ANNOUNCE), "a test")


def test_what_an_earlier_version_announced_is_refused_with_the_reason(dispatching: Dispatching) -> None:
    payload = received(dispatching)
    dispatching.node.received.finish(payload.payload_id)
    dispatching.look()
    with pytest.raises(NothingToDo, match="by a version that did not keep what it said"):
        ask(dispatching.node, Wish("payload", payload.payload_id, OperatorCommand.ANNOUNCE), "a test")


def test_an_announcement_is_taken_from_the_spool_once_its_payload_has_left_it(dispatching: Dispatching) -> None:
    message = announced(dispatching)
    assert dispatching.node.received.announcement_ids() == [payload_of(message)]
    dispatching.look()
    assert dispatching.node.received.announcement_ids() == []
    assert dispatching.node.payloads.announcements.is_kept(payload_of(message))
    assert dispatching.node.payloads.announcements.repeats([payload_of(message)]) == dict[UUID, Repeats]()


def test_nothing_is_asked_of_a_payload_that_nobody_knows(dispatching: Dispatching) -> None:
    with pytest.raises(NoSuchWork):
        ask(dispatching.node, Wish("payload", uuid4(), OperatorCommand.ANNOUNCE), "a test")


def test_an_export_can_not_be_announced(dispatching: Dispatching) -> None:
    export_id = KindScene("export", dispatching).new()
    with pytest.raises(NothingToDo, match="announce is nothing that can be asked of it"):
        ask(dispatching.node, Wish("export", export_id, OperatorCommand.ANNOUNCE), "a test")


def test_what_a_request_has_retrieved_is_announced_again_as_well(dispatching: Dispatching) -> None:
    message = retrieved(dispatching)
    assert asked(dispatching, payload_of(message), OperatorCommand.ANNOUNCE).carried_out
    assert Outbox(dispatching.node.database).depth()[0] == 1


@pytest.mark.usefixtures("site")
def test_the_objects_of_a_payload_arrive_as_they_are_stored_and_nobody_outside_is_told(
    dispatching: Dispatching, dcmtk: Dcmtk, tmp_path: Path
) -> None:
    payload_id = payload_of(announced(dispatching))
    files = write_files(tmp_path, 3)
    for file in files:
        key = f"{payload_id}/dcm/1.2/1.3/{file.sop_instance_uid}.dcm"
        put_objects(key, content=file.path.read_bytes())
        put_objects(f"{key}.json", f"{payload_id}/workflows/w/{file.sop_instance_uid}.dcm")
    said = asked(dispatching, payload_id, OperatorCommand.SEND, "pacs")
    assert (said.carried_out, said.outcome) == (True, f"export {said.command_id} sends 3 files to pacs")
    exporting = Exporting(tmp_path, dispatching.node.exports)
    exporting.store = open_object_store(load_settings().settings)  # type: ignore[assignment]
    with dcmtk.storescp(tmp_path / "pacs") as pacs:
        exporting.register(destination_of(pacs))
        assert exporting.settled(said.command_id).status is ExportStatus.SUCCESS
        assert arrived(pacs) == sent(files)
    assert exporting.published() == []
    (view,) = exports_of(dispatching, payload_id)
    assert (view.id, view.origin, view.workflow_instance_id) == (said.command_id, ExportOrigin.OPERATOR, "")


@pytest.mark.usefixtures("site")
def test_a_payload_of_thousands_is_one_export(dispatching: Dispatching) -> None:
    payload_id = payload_of(announced(dispatching))
    put_objects(
        *(f"{payload_id}/dcm/1.2/1.3/{number}.dcm" for number in range(1200))
    )  # more than one page of a listing
    said = asked(dispatching, payload_id, OperatorCommand.SEND, "vna", "pacs", "vna")
    assert said.outcome == f"export {said.command_id} sends 1200 files to vna, pacs"
    (view,) = exports_of(dispatching, payload_id)
    assert (view.files, view.missing, view.destinations) == (1200, 2400, ["vna", "pacs"])


@pytest.mark.usefixtures("site")
def test_while_the_object_store_is_away_it_stays_to_be_done_and_holds_up_nothing(
    dispatching: Dispatching, minio: MinIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_commands, "_PUT_OFF", timedelta(seconds=1))
    message = announced(dispatching)
    put_objects(f"{payload_of(message)}/dcm/1.2/1.3/1.4.dcm")
    minio.server.stop()
    waits = asked(dispatching, payload_of(message), OperatorCommand.SEND, "pacs")
    assert (waits.done, "the object store" in waits.outcome) == (None, True)
    assert asked(dispatching, payload_of(message), OperatorCommand.ANNOUNCE).carried_out
    minio.server.start()

    def is_done() -> bool:
        dispatching.carry_out()
        row = Commands(dispatching.node.database).row(waits.command_id)
        return row is not None and bool(row.carried_out)

    wait_until(is_done, 30, "the payload to be sent")
    assert len(exports_of(dispatching, payload_of(message))) == 1


@pytest.mark.usefixtures("site")
def test_what_a_request_has_retrieved_is_sent_as_well(dispatching: Dispatching) -> None:
    payload_id = payload_of(retrieved(dispatching))
    put_objects(f"{payload_id}/dcm/1.2/1.3/1.4.dcm", f"{payload_id}/ehr/Patient/1.json")
    assert "sends 1 files to pacs" in asked(dispatching, payload_id, OperatorCommand.SEND, "pacs").outcome


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("to", "why"),
    [
        (("nowhere", "pacs"), "no destination of such a name: registered are pacs, vna"),
        ((), "no destination is named: registered are pacs, vna"),
        (("pacs",), "is not announced yet: what is stored of it may not be all"),
    ],
)
def test_what_can_not_be_sent_is_refused_with_the_reason(
    dispatching: Dispatching, to: tuple[str, ...], why: str
) -> None:
    payload = received(dispatching)
    with pytest.raises(NothingToDo, match=why):
        ask(dispatching.node, Wish("payload", payload.payload_id, OperatorCommand.SEND, to), "a test")


@pytest.mark.usefixtures("site")
def test_a_payload_without_objects_is_no_empty_export(dispatching: Dispatching) -> None:
    payload_id = payload_of(announced(dispatching))
    said = asked(dispatching, payload_id, OperatorCommand.SEND, "pacs")
    assert (said.carried_out, said.outcome) == (False, "the object store has no DICOM object of it")
    assert exports_of(dispatching, payload_id) == []


@pytest.mark.usefixtures("site")
def test_to_send_to_another_destination_is_another_command(dispatching: Dispatching) -> None:
    payload_id = payload_of(announced(dispatching))
    first, again, other = (
        ask(dispatching.node, Wish("payload", payload_id, OperatorCommand.SEND, (to,)), "a test")
        for to in ("pacs", "pacs", "vna")
    )
    assert first == again != other


def test_an_open_group_is_closed_by_the_receiver(dispatching: Dispatching) -> None:
    spool = Spool(dispatching.node.settings.paths.spool)
    spool.associate().send()
    (group,) = spool.intake.open_groups()
    said = asked(dispatching, group.payload_id, OperatorCommand.CLOSE)
    assert said.outcome == "the receiver closes it, as soon as what is on its way is there"
    (closed,) = spool.pass_time(0)
    assert (closed.payload_id, closed.closed_by) == (group.payload_id, "operator")
    with pytest.raises(NothingToDo, match="is closed already"):
        ask(dispatching.node, Wish("payload", group.payload_id, OperatorCommand.CLOSE), "a test")


def test_while_the_receiver_is_down_a_group_can_be_closed_as_well(dispatching: Dispatching) -> None:
    spool = Spool(dispatching.node.settings.paths.spool)
    spool.associate().send()
    (group,) = spool.intake.open_groups()
    spool.crash()
    assert asked(dispatching, group.payload_id, OperatorCommand.CLOSE).outcome.endswith("when it runs again")
    spool.start()
    assert [payload.payload_id for payload in spool.pass_time(0)] == [group.payload_id]


def test_a_group_is_closed_by_the_dispatcher_beside_its_receiver_alone(dispatching: Dispatching) -> None:
    spool = Spool(dispatching.node.settings.paths.spool)
    spool.associate().send()
    (group,) = spool.intake.open_groups()
    node = dispatching.node
    asked_for = ask(node, Wish("payload", group.payload_id, OperatorCommand.CLOSE), "a test")
    assert Commands(node.database).claim(node.now(), uuid4()) is None
    claimed = Commands(node.database).claim(node.now(), node.node_id)
    assert claimed is not None
    assert claimed.command_id == asked_for
