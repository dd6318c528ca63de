"""What retrieval relies on at every kind of source, held against a real peer of each: Orthanc and HAPI FHIR.

A new kind is one more line of `AT`, and passes as it is.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.errors import GatewayError, NoRoom, NotAtPeer, PeerRefused, PeerUnavailable
from gateway.sources.kinds import KINDS
from gateway.sources.port import Source
from tests.gateway.dicomweb.raw_service import answering, raw_service
from tests.gateway.sources.scene import NAME, PAIR, USER, Peer, Retrieval, at_hapi, at_orthanc
from tests.peers import hapi_fhir as hapi_peer
from tests.peers import orthanc as orthanc_peer
from tests.peers.ports import free_port

pytestmark = pytest.mark.peers

WRONG = "d3Jvbmc6d3Jvbmc="


def open_peer(kind: str, directory: Path, running: ExitStack, *, guarded: bool) -> Peer:
    """A peer with something, for itself; `guarded` asks for a user name and a password."""
    if kind == "dicomweb":
        orthanc = running.enter_context(orthanc_peer.running(directory / "peer", "SOURCE", USER if guarded else None))
        return at_orthanc(orthanc, directory / "study", PAIR if guarded else "")
    authorization = f"Basic {PAIR}" if guarded else ""
    return at_hapi(running.enter_context(hapi_peer.running(directory, authorization, ["Procedure", "Medication"])))


@pytest.fixture(scope="module", params=sorted(KINDS))
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with ExitStack() as running:
        yield open_peer(request.param, tmp_path_factory.mktemp(request.param), running, guarded=False)


@pytest.fixture(scope="module", params=sorted(KINDS))
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with ExitStack() as running:
        yield open_peer(request.param, tmp_path_factory.mktemp(request.param), running, guarded=True)


@pytest.fixture
def retrieval(tmp_path: Path) -> Retrieval:
    return Retrieval(tmp_path)


@pytest.fixture(params=["find", "fetch", "probe"])
def ask(request: pytest.FixtureRequest, retrieval: Retrieval) -> Callable[[Source, Peer], None]:
    """One of the three things that a source is asked; what it yields is raised."""

    def fetch(source: Source, peer: Peer) -> None:
        errors = retrieval.fetch(source, peer.missing)
        raise errors[-1]

    def find(source: Source, peer: Peer) -> None:
        source.find(peer.there)

    def probe(source: Source, _: Peer) -> None:
        source.probe()

    return {"find": find, "fetch": fetch, "probe": probe}[str(request.param)]


def test_what_is_found_comes_byte_for_byte(peer: Peer, retrieval: Retrieval) -> None:
    with peer.source() as source:
        assert retrieval.fetch(source, *source.find(peer.there).items) == []
    assert retrieval.files() == peer.files


def test_what_is_here_is_not_fetched_again(peer: Peer, retrieval: Retrieval) -> None:
    wanted = peer.found()
    for expected in (len(peer.files), 0):
        with peer.source() as source:
            assert (retrieval.fetch(source, *wanted), retrieval.kept) == ([], expected)


def test_a_later_try_brings_what_is_missing_and_no_more(peer: Peer, retrieval: Retrieval) -> None:
    wanted = peer.found()
    with peer.source() as source:
        retrieval.fetch(source, *wanted)
    next(iter(retrieval.paths().values())).unlink()
    with peer.source() as source:
        assert (retrieval.fetch(source, *wanted), retrieval.kept) == ([], 1)
    assert retrieval.files() == peer.files


def test_what_is_asked_for_twice_is_kept_once(peer: Peer, retrieval: Retrieval) -> None:
    wanted = peer.found()
    with peer.source() as source:
        assert (retrieval.fetch(source, *wanted, *wanted), retrieval.kept) == ([], len(peer.files))


def test_what_it_has_nothing_of_is_final_and_names_nobody(peer: Peer) -> None:
    with peer.source() as source, pytest.raises(NotAtPeer, match=r"has no .*inputs\[") as refused:
        source.find(peer.not_there)
    assert NAME not in "".join(traceback.format_exception(refused.value))


def test_one_item_that_is_not_there_keeps_none_from_the_others(peer: Peer, retrieval: Retrieval) -> None:
    wanted = peer.found()
    with peer.source() as source:
        (error,) = retrieval.fetch(source, peer.missing, *wanted)
    assert isinstance(error, NotAtPeer)
    assert NAME not in str(error)
    assert retrieval.files() == peer.files


def test_what_its_kind_does_not_serve_is_refused_and_not_quoted(peer: Peer) -> None:
    with peer.source() as source, pytest.raises(PeerRefused, match="its kind does not serve a") as refused:
        source.find(peer.not_served)
    assert NAME not in str(refused.value)


def test_a_bound_of_the_settings_is_an_error(peer: Peer) -> None:
    with (
        peer.source(max_studies=1, max_instances=2, max_resources=2) as source,
        pytest.raises(PeerRefused, match="which is the bound"),
    ):
        source.find(peer.there)


def test_a_disk_without_room_ends_it(peer: Peer, tmp_path: Path) -> None:
    with peer.source() as source, pytest.raises(NoRoom):
        Retrieval(tmp_path, reserve_bytes=1 << 60).fetch(source, *peer.found())


def test_a_peer_that_is_away_can_be_asked_again(
    peer: Peer, retrieval: Retrieval, ask: Callable[[Source, Peer], None]
) -> None:
    with peer.source(f"http://127.0.0.1:{free_port()}/base") as source:
        with pytest.raises(PeerUnavailable, match="connection refused") as away:
            ask(source, peer)
        assert str(source) in str(away.value)
    assert retrieval.kept == 0


def test_a_peer_that_is_away_ends_the_try_early(peer: Peer, retrieval: Retrieval) -> None:
    with peer.source(f"http://127.0.0.1:{free_port()}") as source:
        errors = retrieval.fetch(source, *[peer.missing] * 10)
    assert 1 <= len(errors) <= 3
    assert all(isinstance(error, PeerUnavailable) for error in errors)


def test_wrong_credentials_are_final_and_never_quoted(guarded: Peer, ask: Callable[[Source, Peer], None]) -> None:
    with guarded.with_authorization(WRONG).source() as source:
        with pytest.raises(PeerRefused, match=r"does not accept the credentials \(HTTP 401\)") as refused:
            ask(source, guarded)
        assert WRONG not in "".join(traceback.format_exception(refused.value)) + str(source) + repr(source)


def test_the_credentials_of_a_request_let_us_in(guarded: Peer, retrieval: Retrieval) -> None:
    with guarded.with_authorization(PAIR).source() as source:
        source.probe()
        assert retrieval.fetch(source, *source.find(guarded.there).items) == []
    assert set(retrieval.files()) == set(guarded.files)


@pytest.mark.parametrize("status", [429, 503])
def test_a_peer_is_left_alone_for_as_long_as_it_asks(
    peer: Peer, ask: Callable[[Source, Peer], None], status: int
) -> None:
    with (
        raw_service(answering(status, Retry_After="17", Connection="close")) as service,
        peer.source(service.url) as source,
        pytest.raises(PeerUnavailable) as away,
    ):
        ask(source, peer)
    assert away.value.retry_after_seconds == 17


def test_a_probe_of_a_peer_that_answers_says_nothing(peer: Peer) -> None:
    with peer.source() as source:
        source.probe()


def test_it_is_called_by_scheme_and_host_alone(peer: Peer) -> None:
    with peer.source(f"http://pacs.example:8042/{NAME}") as source:
        assert str(source) == "http://pacs.example:8042"


def test_it_may_be_closed_twice_and_unasked(peer: Peer) -> None:
    with peer.source() as source:
        source.close()


def test_a_page_in_place_of_an_answer_is_told_in_our_words(peer: Peer, retrieval: Retrieval) -> None:
    page = answering(200, b"<html>log in first</html>", Content_Type="text/html", Connection="close")
    with raw_service(page) as service, peer.source(service.url) as source:
        with pytest.raises(GatewayError, match=r"does not answer") as refused:
            source.find(peer.there)
        (error,) = retrieval.fetch(source, peer.missing)
    assert "log in" not in f"{refused.value} {error}"
    assert retrieval.files() == {}
