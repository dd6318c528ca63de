"""What one sender may take of what is everybody's: crumbs, nothing at all, and trickles."""

import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.associations.record import Outcome
from gateway.config import ApplicationEntitySettings
from gateway.dimse.connection import PeerSlow
from listeners.scp.pace import MOST_EMPTY, SlowestRate
from tests.deployments.commands.mig import MIG
from tests.gateway.receiving.scene import data_set
from tests.listeners.scp.at_its_side import at_its_side
from tests.listeners.scp.raw_peer import C_STORE_RQ, COMMAND, DATA, LAST, RawPeer, command
from tests.listeners.scp.receiver import Receiver, receiving
from tests.peers.ports import free_port
from tests.peers.processes import Server, listens
from tests.waiting import wait_until

BEGIN = (1, COMMAND | LAST, command(C_STORE_RQ))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path) as receiver:
        yield receiver


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a receiver that is a process of its own, as the lock of its interpreter is."""
    port = free_port()
    here = {"MIG_SCP__PORT": str(port), "MIG_SCP__HOST": "127.0.0.1", "MIG_SPOOL__DURABILITY": "os"}
    server = Server("scp", [MIG, "scp"], tmp_path, lambda: listens(port), here)
    server.start()
    yield port
    server.kill()


def stores_each_second(port: int, seconds: float = 2.0) -> float:
    """How fast a sender is served that waits for each answer."""
    with RawPeer(port) as peer:
        peer.associate()
        began, count = time.monotonic(), 0
        while time.monotonic() < began + seconds:
            assert peer.store(data_set(sop=f"1.2.3.{count}"), sop=f"1.2.3.{count}") == 0
            count += 1
        peer.release()
        return count / (time.monotonic() - began)


@pytest.mark.parametrize("associations", [1, 8])
def test_who_sends_crumbs_starves_nobody(port: int, associations: int) -> None:
    """Half of what there is alone, and as much again for a machine that does other things meanwhile."""
    alone = stores_each_second(port)
    with at_its_side("flooding", port, associations):
        beside = stores_each_second(port)
    print(f"{alone:.0f} stores/s alone, {beside:.0f} beside {associations} that send crumbs")
    assert beside > alone / 4


@pytest.mark.parametrize("nothing", [struct.pack(">IBB", 2, 1, DATA), b""], ids=["empty fragments", "empty PDUs"])
def test_nothing_but_nothing_ends_the_association(receiver: Receiver, nothing: bytes) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        peer.send_pdvs(BEGIN)
        for _ in range(MOST_EMPTY + 1):
            peer.send_pdu(4, nothing)
        assert peer.read_pdu()[1][2:] == b"\2\6"
    (record,) = receiver.kept()
    assert (record.outcome, record.calling_ae) == (Outcome.ABORTED_HERE, "CT01")
    assert record.reason == "more than 300 fragments or PDUs carry nothing"


def test_a_message_may_end_with_an_empty_fragment_and_hold_some(receiver: Receiver) -> None:
    with RawPeer(receiver.port) as peer:
        peer.associate()
        for number in range(3):
            sop = f"1.2.3.{number}"
            empty = [(1, DATA, b"")] * (MOST_EMPTY // 2)
            peer.send_pdvs((1, COMMAND | LAST, command(C_STORE_RQ, sop=sop)), (1, DATA, data_set(sop=sop)), *empty)
            peer.send_pdvs((1, DATA | LAST, b""))
            assert peer.read_response()[0x0900] == 0
    assert len(receiver.stored()) == 3


def test_crumbs_of_one_byte_are_filed_as_they_came(receiver: Receiver) -> None:
    sent = data_set()
    with RawPeer(receiver.port) as peer:
        peer.associate()
        assert peer.store(sent, fragment=1) == 0
    assert receiver.stored()[0].endswith(sent)


def test_an_instance_that_trickles_is_given_up(tmp_path: Path) -> None:
    """Each PDU is whole and in time: it is the instance that does not come on."""
    with (
        receiving(tmp_path, idle_seconds=0.3, slowest_bytes_per_second=1_000_000) as receiver,
        RawPeer(receiver.port) as peer,
    ):
        peer.associate()
        assert peer.store(data_set(sop="1.2.3.1"), sop="1.2.3.1") == 0
        peer.send_pdvs(BEGIN)
        with suppress(BrokenPipeError, ConnectionResetError):
            while receiver.server.open_associations:
                peer.send_pdvs((1, DATA, b"\0\0"))
                time.sleep(0.01)
        (record,) = receiver.kept()
    assert (record.outcome, record.stored) == (Outcome.TIMED_OUT, 1)
    assert record.reason == "the peer sends less than 1,000,000 bytes of an instance in a second"


def test_what_was_stored_is_ready_at_max_open_seconds_whatever_trickles(tmp_path: Path) -> None:
    entity = ApplicationEntitySettings(ae_title="MIG", max_open_seconds=60)
    with receiving(tmp_path, entity) as receiver, RawPeer(receiver.port) as peer:
        peer.associate()
        for number in range(3):
            assert peer.store(data_set(sop=f"1.2.3.{number}"), sop=f"1.2.3.{number}") == 0
        peer.send_pdvs((1, COMMAND | LAST, command(C_STORE_RQ, sop="1.2.3.9")), (1, DATA, data_set(sop="1.2.3.9")))
        (group,) = receiver.spool.intake.open_groups()
        wait_until(lambda: group.in_flight, 10, "the fourth to be on its way")
        (payload,) = receiver.spool.pass_time(60)
        assert (len(payload.instances), payload.closed_by) == (3, "max_open_seconds")
        peer.send_pdvs((1, DATA | LAST, b""))
        assert peer.read_response()[0x0900] == 0
        peer.release()
        wait_until(lambda: receiver.server.open_associations == 0, 10, "the association ends")
        (rest,) = receiver.spool.pass_time(5)
        assert (len(rest.instances), rest.supplements) == (1, payload.payload_id)


def test_who_is_waited_for_is_who_counts() -> None:
    rate = SlowestRate(grace_seconds=10, bytes_per_second=100)
    rate.came(0, 1000, 19)
    rate.came(1, 1000, 19)  # another message
    rate.came(1, 0, 1)
    with pytest.raises(PeerSlow, match="less than 100 bytes"):
        rate.came(1, 0, 0.1)
