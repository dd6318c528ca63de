"""Clients that are slow, or send more than they say: none of them is waited for."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.listeners.api.service import Api, running_api

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API that waits for half a second."""
    directory = tmp_path_factory.mktemp("hasty")
    with running_api(directory, MIG_API__HEAD_SECONDS="0.5", MIG_API__BODY_SECONDS="0.5") as api:
        yield api


def talk(api: Api, *sent: bytes) -> bytes:
    """Say this, and return what comes until the connection is closed."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=60) as connection:
        for piece in sent:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def head(*headers: str) -> bytes:
    lines = ["POST /inference HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode("ascii")


def test_who_says_nothing_is_hung_up_on(api: Api) -> None:
    assert talk(api) == b""


def test_a_head_that_does_not_end_is_hung_up_on(api: Api) -> None:
    assert talk(api, b"POST /inference HTTP/1.1\r\nHost: m") == b""


def test_a_later_head_that_does_not_end_is_hung_up_on(api: Api) -> None:
    answer = talk(api, LIVE + b"GET /")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_connection_serves_one_request_after_the_other(api: Api) -> None:
    assert talk(api, LIVE, LIVE + LIVE).count(b"HTTP/1.1 200 ") == 3


def test_a_body_that_does_not_come_is_answered(api: Api) -> None:
    answer = talk(api, head("Content-Length: 100"), b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer


def test_a_body_in_chunks_is_counted_as_it_comes(api: Api) -> None:
    answer = talk(api, head("Transfer-Encoding: chunked"), b"%x\r\n" % 4_000_001, b" " * 4_000_001)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_is_announced_as_too_long_is_not_read(api: Api) -> None:
    answer = talk(api, head("Content-Length: 5000000000"))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_what_is_no_http_is_refused(api: Api) -> None:
    assert talk(api, b"\x16\x03\x01\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "begins", [b"", b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /"], ids=["silent", "begun"]
)
def test_no_client_shuts_the_door_to_others(tmp_path: Path, begins: bytes) -> None:
    """More connections than there are places, each for as long as it is let."""
    with running_api(tmp_path, MIG_API__HEAD_SECONDS="60") as api, ExitStack() as open_:
        for _ in range(600):
            connection = open_.enter_context(socket.create_connection(("127.0.0.1", api.port), timeout=60))
            connection.sendall(begins)
        for _ in range(20):
            assert api.get("/inference").status_code == 200
