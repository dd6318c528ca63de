"""Who has come, how it ended and why is noted of every association, and of connections that never became one."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from examples.ct_study import made_ct_study
from examples.made_study import write_study
from gateway.associations.contexts import MOST_KEPT
from gateway.associations.record import AssociationRecord, ContextResult, Outcome
from gateway.config import ApplicationEntitySettings, SourceSettings
from gateway.dimse.negotiation import Proposal, encode_request
from gateway.dimse.peer import Peer
from gateway.disk.room import Room
from tests.gateway.receiving.scene import CT, EXPLICIT_LITTLE, data_set
from tests.listeners.scp.raw_peer import RawPeer
from tests.listeners.scp.receiver import Receiver, receiving
from tests.peers.dcmtk import ApplicationEntity, Dcmtk
from tests.waiting import wait_until

MR, MWL = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.31"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
WORKLIST = "Modality Worklist Information Model - FIND"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path) as receiver:
        yield receiver


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Receiver]:
    """One that knows its senders, of which one is registered elsewhere."""
    sources = (SourceSettings(ae_title="CT01", host="127.0.0.1"), SourceSettings(ae_title="CT02", host="10.1.0.17"))
    with receiving(tmp_path, sources=sources, reject_unknown_sources=True) as receiver:
        yield receiver


@pytest.fixture
def study(tmp_path: Path) -> list[Path]:
    return write_study(made_ct_study(3, 64, 64), tmp_path / "study")


def only(receiver: Receiver) -> AssociationRecord:
    (record,) = receiver.kept()
    return record


def test_a_study_that_dcmtk_sends(receiver: Receiver, dcmtk: Dcmtk, study: list[Path]) -> None:
    dcmtk.dcmsend(ApplicationEntity("MIG", receiver.port), study, calling="CT01")
    record = only(receiver)
    assert (record.outcome, record.reason, record.times) == (Outcome.RELEASED, "", 1)
    assert (record.calling_ae, record.called_ae, record.address) == ("CT01", "MIG", "127.0.0.1")
    assert (record.stored, record.refused, record.statuses) == (3, 0, {"0000": 3})
    assert record.bytes > 3 * 64 * 64 * 2
    assert record.contexts_accepted == record.contexts_proposed > 0
    assert {context.name for context in record.contexts} == {"CT Image Storage"}
    (payload,) = receiver.spool.pass_time(5)
    assert record.payload_ids == (payload.payload_id,)
    assert {instance.association for instance in payload.instances} == {record.association_id}


def test_an_echo_of_dcmtk(receiver: Receiver, dcmtk: Dcmtk) -> None:
    dcmtk.echoscu(ApplicationEntity("MIG", receiver.port))
    record = only(receiver)
    assert (record.outcome, record.calling_ae, record.statuses) == (Outcome.RELEASED, "ECHOSCU", {})


@pytest.mark.parametrize(
    ("calling", "called", "codes", "reason"),
    [
        ("CT02", "MIG", "1/1/3", "CT02 is registered for 10.1.0.17, it came from 127.0.0.1"),
        ("ct01", "MIG", "1/1/3", "ct01 differs from CT01 in letter case only"),
        ("CT01", "MIGG", "1/1/7", "no AE title MIGG; did you mean MIG"),
        ("CT01", "mig", "1/1/7", "mig differs from MIG in letter case only"),
    ],
)
def test_who_is_not_let_in_is_told_why_in_log_and_record(
    strict: Receiver, dcmtk: Dcmtk, calling: str, called: str, codes: str, reason: str
) -> None:
    with capture_logs() as logs:
        dcmtk.echoscu(ApplicationEntity(called, strict.port), calling=calling)
        record = only(strict)
    assert (record.outcome, record.codes, record.reason) == (Outcome.REJECTED, codes, reason)
    assert (record.calling_ae, record.called_ae, record.is_refusal) == (calling, called, True)
    told = [(log["codes"], log["reason"]) for log in logs if log["event"] == "association rejected"]
    assert told == [(codes, reason)]


def test_a_modality_that_asks_for_its_worklist_learns_from_the_log_that_it_is_not_served(
    receiver: Receiver, dcmtk: Dcmtk
) -> None:
    with capture_logs() as logs:
        dcmtk.run(
            "findscu", "--worklist", "-aet", "CT01", "-aec", "MIG", "-k", "0010,0010", "127.0.0.1", str(receiver.port)
        )
        record = only(receiver)
    said = f"asked for {WORKLIST} only, which is not served here"
    assert said in record.reason
    assert (record.contexts_accepted, record.is_refusal) == (0, True)
    assert {(each.name, each.result) for each in record.contexts} == {(WORKLIST, ContextResult.NO_ABSTRACT_SYNTAX)}
    (told,) = [log for log in logs if log["event"] == "association ended"]
    assert (told["reason"], told["log_level"]) == (said, "warning")


def test_contexts_that_were_refused_among_others_are_named(receiver: Receiver) -> None:
    with capture_logs() as logs, RawPeer(receiver.port) as peer:
        peer.associate((CT, [EXPLICIT_LITTLE]), (MWL, [IMPLICIT_LITTLE]))
        peer.release()
        record = only(receiver)
    assert (record.outcome, record.contexts_proposed, record.contexts_accepted) == (Outcome.RELEASED, 2, 1)
    assert record.reason == f"not served here: {WORKLIST}"
    assert [context.name for context in record.contexts] == [WORKLIST, "CT Image Storage"]
    (told,) = [log for log in logs if log["event"] == "association ended"]
    assert (told["reason"], told["log_level"]) == (record.reason, "info")


def test_instances_are_counted_by_the_status_of_their_answers(tmp_path: Path) -> None:
    entity = ApplicationEntitySettings(ae_title="MIG", ignored_sop_classes=(MR,), refuse_ignored=True)
    with receiving(tmp_path, entity) as receiver, RawPeer(receiver.port) as peer:
        peer.associate((CT, [EXPLICIT_LITTLE]))
        peer.store(data_set(sop="1.2.3.1"), sop="1.2.3.1")
        peer.store(data_set(sop="1.2.3.2"), sop="1.2.3.9")
        peer.store(data_set(sop="1.2.3.3", sop_class=MR), sop="1.2.3.3", sop_class=MR)
        peer.release()
        record = only(receiver)
    assert (record.stored, record.refused) == (1, 2)
    assert record.statuses == {"0000": 1, "A900": 1, "0122": 1}
    assert record.refuses
    assert not record.is_refusal


def test_a_sender_that_breaks_off_names_what_it_has_left_behind(
    receiver: Receiver, dcmtk: Dcmtk, study: list[Path]
) -> None:
    dcmtk.storescu(ApplicationEntity("MIG", receiver.port), study, "--abort", calling="CT01")
    record = only(receiver)
    assert (record.outcome, record.reason) == (Outcome.ABORTED_BY_PEER, "the peer aborted")
    assert len(record.payload_ids) == 1


def test_a_connection_that_is_cut(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.store(data_set())
    record = only(receiver)
    assert (record.outcome, record.reason) == (Outcome.CUT, "the peer closed the connection")
    assert record.stored == 1


def test_an_association_on_which_nothing_comes(tmp_path: Path) -> None:
    with receiving(tmp_path, idle_seconds=0.2) as receiver, RawPeer(receiver.port) as peer:
        peer.associate()
        assert only(receiver).outcome is Outcome.TIMED_OUT


def test_a_pdu_that_does_not_end(tmp_path: Path) -> None:
    with receiving(tmp_path, idle_seconds=0.2) as receiver, RawPeer(receiver.port) as peer:
        peer.associate()
        peer.socket.sendall(struct.pack(">BxI", 4, 200) + bytes(50))
        assert only(receiver).outcome is Outcome.TIMED_OUT


def test_a_peer_that_breaks_the_protocol(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send_pdu(0x02, bytes(8))
        record = only(receiver)
    assert (record.outcome, record.reason) == (Outcome.ABORTED_HERE, "PDU type 0x02 can't come now")


def test_an_association_that_the_receivers_own_end_breaks_off(tmp_path: Path) -> None:
    with capture_logs() as logs, receiving(tmp_path) as receiver, RawPeer(receiver.port) as peer:
        peer.associate()
        receiver.server.stop(grace_seconds=0)
        record = only(receiver)
    assert (record.outcome, record.reason) == (Outcome.STOPPED, "the receiver was stopped")
    assert [log["reason"] for log in logs if log["event"] == "association broken"] == [record.reason]


def test_a_connection_that_never_became_an_association(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        record = only(receiver)
        assert record.port == peer.socket.getsockname()[1]
    assert (record.outcome, record.reason) == (Outcome.UNHEARD, "PDU type 0x47 is unknown")
    assert (record.calling_ae, record.called_ae, record.address) == ("", "", "127.0.0.1")


def test_a_connection_that_asks_for_nothing_in_time(tmp_path: Path) -> None:
    with receiving(tmp_path, artim_seconds=0.2) as receiver, RawPeer(receiver.port):
        record = only(receiver)
    assert (record.outcome, record.reason) == (Outcome.UNHEARD, "the peer sent nothing in time")


def test_a_look_whether_the_port_is_open_is_not_kept(receiver: Receiver) -> None:
    socket.create_connection(("127.0.0.1", receiver.port)).close()
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.release()
    wait_until(lambda: receiver.server.open_associations == 0, 10, "the associations end")
    assert only(receiver).outcome is Outcome.RELEASED


def test_no_room_on_the_spool_is_said(receiver: Receiver) -> None:
    receiver.spool.intake.room = Room(receiver.spool.root, reserve_bytes=1 << 60)
    with RawPeer(receiver.port) as peer:
        peer.associate()
        record = only(receiver)
    assert record.codes == "2/3/1"
    assert record.reason.startswith("no storage left: ")


def test_more_associations_than_the_limit(tmp_path: Path) -> None:
    with receiving(tmp_path, max_associations=1) as receiver, RawPeer(receiver.port) as one:
        one.associate()
        with RawPeer(receiver.port) as two:
            two.associate(calling_ae="CT02")
        record = only(receiver)
    assert (record.calling_ae, record.codes, record.reason) == ("CT02", "2/3/2", "scp.max_associations are open")


@pytest.mark.parametrize(
    ("known", "made_up", "calling_ae", "reason"),
    [
        (
            b"CT01 ",
            b"C\xff\r\n\x1b",
            "C????",
            "no source C???? is registered; it came from 127.0.0.1",
        ),
        (CT.encode(), b"1.2.840\r\n\x1b[31m\xff.4.1.1.222", "CT01", "asked for 1.2.840???[31m?.4.1.1.222 only"),
    ],
)
def test_who_makes_names_up_is_told_of_and_forges_no_line(
    strict: Receiver, known: bytes, made_up: bytes, calling_ae: str, reason: str
) -> None:
    us = Peer("127.0.0.1", strict.port, called_ae="MIG", calling_ae="CT01")
    request = encode_request(us, [Proposal(CT, (EXPLICIT_LITTLE,))], 16_384)
    assert len(known) == len(made_up)
    with RawPeer(strict.port) as peer:
        peer.socket.sendall(request.replace(known, made_up))
        peer.read_pdu()
    record = only(strict)
    assert reason in record.reason
    assert record.is_refusal
    assert (record.calling_ae, record.called_ae) == (calling_ae, "MIG")


def test_a_sender_that_proposes_all_it_knows_is_kept_in_few_lines(
    receiver: Receiver, dcmtk: Dcmtk, study: list[Path]
) -> None:
    dcmtk.storescu(ApplicationEntity("MIG", receiver.port), study)
    record = only(receiver)
    assert record.contexts_proposed == record.contexts_accepted > 100
    assert len(record.contexts) == MOST_KEPT


def test_one_that_is_open_is_told_of_as_it_goes_on(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        (begun,) = wait_until(receiver.open_now, 10, "the association to be told of")
        assert (begun.outcome, begun.reason, begun.stored) == (Outcome.OPEN, "", 0)
        assert (begun.calling_ae, begun.called_ae, begun.address) == ("CT01", "MIG", "127.0.0.1")
        peer.store(data_set())
        wait_until(lambda: [each.stored for each in receiver.open_now()] == [1], 10, "its instance to be told of")
        (fed,) = receiver.open_now()
        peer.release()
        record = only(receiver)
    assert record.association_id == begun.association_id
    assert (record.outcome, record.payload_ids, record.began_ns) == (Outcome.RELEASED, fed.payload_ids, begun.began_ns)
    wait_until(lambda: not receiver.open_now(), 10, "it to be open no longer")


def test_one_in_which_nothing_is_served_is_kept_at_its_end_as_other_refusals(receiver: Receiver) -> None:
    """Many of them are one record: none is to stand beside it as open."""
    with RawPeer(receiver.port) as nothing, RawPeer(receiver.port) as served:
        nothing.associate((MWL, [IMPLICIT_LITTLE]))
        served.associate()
        (told,) = wait_until(receiver.open_now, 10, "the other to be told of")
    assert told.contexts_accepted == 1
