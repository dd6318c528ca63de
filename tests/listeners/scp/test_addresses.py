"""Where a receiver listens, and who is let in: IPv4 and IPv6 side by side, and names that nobody waits for."""

import threading
from pathlib import Path

import pytest

from gateway.config import SourceSettings
from gateway.network.addresses import listen_on, plain_address
from tests.listeners.scp.raw_peer import RawPeer
from tests.listeners.scp.receiver import receiving
from tests.listeners.scp.test_negotiation import codes
from tests.waiting import wait_until

ACCEPTED = 2


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_every_address_means_both_kinds(tmp_path: Path, host: str) -> None:
    with receiving(tmp_path, host="::") as receiver, RawPeer(receiver.port, host) as peer:
        assert peer.associate()[0] == ACCEPTED


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_several_addresses_are_listened_on(tmp_path: Path, host: str) -> None:
    with receiving(tmp_path, host=("127.0.0.1", "::1")) as receiver, RawPeer(receiver.port, host) as peer:
        assert peer.associate()[0] == ACCEPTED


@pytest.mark.parametrize("registered", ["127.0.0.1", "127.0.0.0/8", "::ffff:127.0.0.1", "::ffff:127.0.0.0/104"])
def test_an_ipv4_sender_that_came_over_ipv6_is_the_one_that_is_registered(tmp_path: Path, registered: str) -> None:
    sources = (SourceSettings(ae_title="CT01", host=registered),)
    with (
        receiving(tmp_path, host="::", sources=sources, reject_unknown_sources=True) as receiver,
        RawPeer(receiver.port) as peer,
    ):
        assert peer.associate(calling_ae="CT01")[0] == ACCEPTED


def test_a_network_of_the_other_kind_lets_nobody_in(tmp_path: Path) -> None:
    sources = (SourceSettings(ae_title="CT01", host="fd00::/8"),)
    with (
        receiving(tmp_path, host="::", sources=sources, reject_unknown_sources=True) as receiver,
        RawPeer(receiver.port) as peer,
    ):
        assert codes(peer.associate(calling_ae="CT01")) == "1/1/3"


@pytest.mark.parametrize(
    ("address", "plain"),
    [("::ffff:10.1.0.5", "10.1.0.5"), ("fe80::1%eth0", "fe80::1"), ("FD00:0::5", "fd00::5"), ("10.1.0.5", "10.1.0.5")],
)
def test_an_address_is_compared_in_one_spelling(address: str, plain: str) -> None:
    assert plain_address(address) == plain


def test_of_several_addresses_one_that_is_in_use_leaves_none_open() -> None:
    (taken,) = listen_on(["127.0.0.1"], 0, 1)
    port = taken.getsockname()[1]
    with taken, pytest.raises(OSError, match="in use"):
        listen_on(["::1", "127.0.0.1"], port, 1)
    (again,) = listen_on(["::1"], port, 1)
    again.close()


class NameServer:
    """Answers, is silent until `go_on` is set, or knows nothing."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = frozenset(addresses)
        self.go_on = threading.Event()
        self.go_on.set()

    def resolve(self, _name: str) -> frozenset[str]:
        assert self.go_on.wait(30)
        return self.addresses


def test_nobody_waits_for_a_name_server(tmp_path: Path) -> None:
    server, sources = NameServer("127.0.0.1"), (SourceSettings(ae_title="CT01", host="scanner.hospital"),)
    with receiving(tmp_path, sources=sources, reject_unknown_sources=True, resolve=server.resolve) as receiver:
        names = receiver.server._services.registry.names
        server.go_on.clear()
        renewing = threading.Thread(target=names.renew)
        renewing.start()
        try:
            with RawPeer(receiver.port) as peer:
                peer.socket.settimeout(2)
                assert peer.associate(calling_ae="CT01")[0] == ACCEPTED, "by the last known addresses"
        finally:
            server.go_on.set()
            renewing.join()


def test_a_name_server_that_is_away_makes_nobody_a_stranger(tmp_path: Path) -> None:
    server, sources = NameServer("127.0.0.1"), (SourceSettings(ae_title="CT01", host="scanner.hospital"),)
    with receiving(tmp_path, sources=sources, reject_unknown_sources=True, resolve=server.resolve) as receiver:
        server.addresses = frozenset()
        receiver.server._services.registry.names.renew()
        with RawPeer(receiver.port) as peer:
            assert peer.associate(calling_ae="CT01")[0] == ACCEPTED


def test_a_name_that_was_never_resolved_is_rejected_for_now_and_let_in_once_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, sources = NameServer(), (SourceSettings(ae_title="CT01", host="scanner.hospital"),)
    with receiving(tmp_path, sources=sources, reject_unknown_sources=True, resolve=server.resolve) as receiver:
        names = receiver.server._services.registry.names
        with RawPeer(receiver.port) as peer:
            assert codes(peer.associate(calling_ae="CT01")) == "2/3/1"
        with RawPeer(receiver.port) as peer:
            assert codes(peer.associate(calling_ae="CT02")) == "1/1/3"
        assert names.never_resolved == ["scanner.hospital"]
        server.addresses = frozenset({"127.0.0.1"})
        names.renew()
        assert names.never_resolved == []
        with RawPeer(receiver.port) as peer:
            assert peer.associate(calling_ae="CT01")[0] == ACCEPTED
    told = capsys.readouterr()
    assert "the name of a source was never resolved" in told.out + told.err


def test_what_was_never_resolved_is_told_to_the_status(tmp_path: Path) -> None:
    from gateway.registry.names import HostNames, names_never_resolved

    server, told = NameServer(), tmp_path / "run" / "names"
    names = HostNames(["b.hospital", "a.hospital"], server.resolve, told)
    names.start()
    wait_until(lambda: names_never_resolved(told) == ["a.hospital", "b.hospital"], 10, "the names to be told")
    names.stop()
    server.addresses = frozenset({"10.1.0.5"})
    names.renew()
    assert names_never_resolved(told) == []
