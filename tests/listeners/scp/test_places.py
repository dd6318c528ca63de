"""Who has a place, and who makes room: a scanner comes in whoever holds connections."""

import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from examples.ct_study import made_ct_study
from examples.made_study import write_study
from gateway.associations.record import AssociationRecord, Outcome
from gateway.config import SourceSettings
from gateway.dimse.connection import Connection
from gateway.network.places import CHANGE_SECONDS, OF_ONE_STRANGER, Unserved
from listeners.scp.places import UNACCEPTED_AT_ONCE
from tests.clock import MovableClock
from tests.gateway.receiving.scene import data_set
from tests.listeners.scp.at_its_side import at_its_side
from tests.listeners.scp.raw_peer import RawPeer
from tests.listeners.scp.receiver import Receiver, receiving
from tests.peers.dcmtk import ApplicationEntity, Dcmtk
from tests.waiting import wait_until

SCANNER, STRANGER = "127.0.0.1", "127.0.0.3"
AT_ONCE_SECONDS = 3.0


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """One that knows its scanner, and has place for 25."""
    source = SourceSettings(ae_title="CT01", host=SCANNER)
    with receiving(
        tmp_path, sources=(source,), reject_unknown_sources=True, max_associations=25, artim_seconds=30
    ) as receiver:
        yield receiver


def held(receiver: Receiver, address: str, begin: bytes, count: int = 200) -> AbstractContextManager[None]:
    """So many connections from this address, which stay for as long as they are let."""
    return at_its_side("idlers", receiver.port, address, count, begin.hex())


def by(receiver: Receiver, calling_ae: str) -> list[AssociationRecord]:
    """What was noted of who gave this title, or none."""
    return [record for record in receiver.kept() if record.calling_ae == calling_ae]


@pytest.mark.parametrize("begin", [b"", b"\1"], ids=["idle", "one byte"])
@pytest.mark.parametrize("address", [STRANGER, SCANNER], ids=["a stranger", "the scanner's own address"])
def test_a_scanner_is_served_at_once_whoever_holds_connections(
    receiver: Receiver, dcmtk: Dcmtk, tmp_path: Path, address: str, begin: bytes
) -> None:
    study = write_study(made_ct_study(3, 64, 64), tmp_path / "study")
    with held(receiver, address, begin):
        for number in range(20):
            began = time.monotonic()
            with RawPeer(receiver.port) as scanner:
                assert scanner.associate()[0] == 2
                assert scanner.store(data_set(sop=f"1.2.3.{number}"), sop=f"1.2.3.{number}") == 0
                scanner.release()
            assert time.monotonic() - began < AT_ONCE_SECONDS
        sent = dcmtk.dcmsend(ApplicationEntity("MIG", receiver.port), study, calling="CT01")
        assert sent.exit_status == 0
        wait_until(lambda: len(by(receiver, "CT01")) == 21, 10, "the scanner's associations to be noted")
    assert [record.outcome for record in by(receiver, "CT01")] == [Outcome.RELEASED] * 21
    assert all((record.address, record.outcome) == (address, Outcome.UNHEARD) for record in by(receiver, ""))


def test_who_holds_connections_is_named(receiver: Receiver) -> None:
    idle = [socket.create_connection((SCANNER, receiver.port), source_address=(STRANGER, 0)) for _ in range(5)]
    assert idle[4].recv(1) == b""
    (record,) = receiver.kept()
    assert (record.address, record.outcome, record.refuses) == (STRANGER, Outcome.UNHEARD, True)
    assert record.reason == f"too many connections ask for nothing: {STRANGER} holds 4"
    for each in idle:
        each.close()


def test_a_stranger_has_less_time_to_ask(tmp_path: Path) -> None:
    sources = (SourceSettings(ae_title="CT01", host="10.1.0.17"),)
    with (
        receiving(
            tmp_path, sources=sources, reject_unknown_sources=True, artim_seconds=60, stranger_artim_seconds=0.2
        ) as receiver,
        RawPeer(receiver.port) as stranger,
    ):
        assert stranger.is_closed()


class Hall:
    """The places by themselves: connections by the names that a test gives them."""

    def __init__(self, places: int, *strangers: str) -> None:
        self.clock = MovableClock()
        self.unaccepted = Unserved(strangers.__contains__, places, self.clock)
        self._all: dict[str, Connection] = {}
        self._theirs: list[socket.socket] = []

    def enter(self, *names: str) -> list[bool]:
        """Let them come one after another; the address is what stands before the number."""
        return [self.unaccepted.enter(self._connection(name), name.rstrip("0123456789")) for name in names]

    def left(self) -> list[str]:
        """Who was broken off."""
        return [name for name, connection in self._all.items() if connection.broken_off]

    def _connection(self, name: str) -> Connection:
        listening = socket.create_server(("127.0.0.1", 0))
        self._theirs.append(socket.create_connection(listening.getsockname()))
        self._all[name] = Connection(listening.accept()[0], 16)
        listening.close()
        return self._all[name]

    def close(self) -> None:
        for connection in self._all.values():
            connection.close()
        for each in self._theirs:
            each.close()


@pytest.fixture
def hall() -> Iterator[Hall]:
    hall = Hall(6, "stranger", "other")
    yield hall
    hall.close()


def test_a_stranger_has_a_few_places_and_his_oldest_makes_room(hall: Hall) -> None:
    entered = hall.enter(*(f"stranger{number}" for number in range(OF_ONE_STRANGER + 1)))
    assert entered == [True] * OF_ONE_STRANGER + [False]
    hall.clock.move(CHANGE_SECONDS)
    assert hall.enter("stranger8", "stranger9") == [True, True]
    assert hall.left() == ["stranger0", "stranger1"]


def test_strangers_make_room_for_others_first(hall: Hall) -> None:
    hall.enter("ct1", "stranger1", "ct2", "ct3", "other1", "ct4")
    assert hall.enter("mr1", "ct5") == [True, True]
    assert hall.left() == ["stranger1", "other1"]


def test_a_stranger_takes_no_place_from_who_is_named(hall: Hall) -> None:
    hall.enter(*(f"ct{number}" for number in range(6)))
    assert hall.enter("stranger1") == [False]
    assert hall.left() == []
    assert hall.unaccepted.held_by() == "ct holds 6"


def test_of_those_that_are_named_who_holds_most_makes_room_with_his_oldest(hall: Hall) -> None:
    hall.enter("mr1", "ct1", "ct2", "ct3", "mr2", "ct4")
    hall.enter("us1")
    assert hall.left() == ["ct1"]


def test_who_is_accepted_takes_none_of_these_places(hall: Hall) -> None:
    hall.enter(*(f"ct{number}" for number in range(6)))
    hall.unaccepted.leave(hall._all["ct0"])
    assert hall.enter("ct6") == [True]
    assert hall.left() == []


def test_one_that_was_rejected_and_does_not_close_holds_no_place_against_others(receiver: Receiver) -> None:
    lingering = [RawPeer(receiver.port) for _ in range(UNACCEPTED_AT_ONCE)]
    for peer in lingering:
        assert peer.associate(called_ae="NOBODY")[0] == 3
    with RawPeer(receiver.port) as scanner:
        assert scanner.associate()[0] == 2
        assert lingering[0].is_closed()
    for peer in lingering:
        peer.socket.close()
