"""What a peer sends makes no line of the log (CWE-117), and few where it sends much."""

import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from tests.deployments.commands.mig import MIG
from tests.listeners.scp.requests import APPLICATION, USER, body, context, largest
from tests.peers.ports import free_port
from tests.peers.processes import Server, listens
from tests.waiting import wait_until

LogFormat = Literal["text", "json"]
FORGED = "\r\n2026-03-01T13:00:07.091+00:00 info    scp      association ended stored=324\x1b[2J"
TITLE = f"MIG{FORGED[:13]}"  # as much as the field holds


class Receiver:
    """`mig scp`, and what it logs."""

    def __init__(self, directory: Path, log_format: LogFormat) -> None:
        self.port = free_port()
        here = {"MIG_SCP__PORT": str(self.port), "MIG_SCP__HOST": "127.0.0.1", "MIG_LOG__FORMAT": log_format}
        self.server = Server("scp", [MIG, "scp"], directory, lambda: listens(self.port), here)

    @property
    def log(self) -> str:
        return self.server.log.read_bytes().decode()

    def ask(self, called_ae: str = "MIG", abstract_syntax: str = "1.2.840.10008.1.1") -> None:
        """Send an association request that holds these, byte for byte, and wait for the end of the connection."""
        contexts = [APPLICATION, context(1, abstract_syntax.encode()), USER]
        self.send(body(contexts, called=called_ae.encode()[:16]))

    def send(self, request: bytes) -> None:
        """Send the content of an A-ASSOCIATE-RQ PDU."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=20)) as connection:
            connection.sendall(struct.pack(">BxI", 1, len(request)) + request)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    def wait_for_log(self, text: str, times: int) -> None:
        wait_until(lambda: self.log.count(text) >= times, 20, f"the receiver to log: {text}")


@pytest.fixture(params=["text", "json"])
def log_format(request: pytest.FixtureRequest) -> LogFormat:
    return "json" if request.param == "json" else "text"


@pytest.fixture
def receiver(tmp_path: Path, log_format: LogFormat) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path, log_format)
    receiver.server.start()
    yield receiver
    receiver.server.kill()


def test_neither_an_ae_title_nor_a_uid_makes_a_line(receiver: Receiver, log_format: LogFormat) -> None:
    receiver.ask(called_ae=TITLE)
    receiver.ask(abstract_syntax=f"1.2{FORGED}")
    receiver.wait_for_log("association ", times=2)
    log = receiver.log
    assert all(each.isprintable() for each in log.replace("\n", ""))
    for line in log.splitlines():
        if log_format == "json":
            assert json.loads(line)["role"] == "scp"
        else:
            assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (info|warning|error) +scp +", line)
        assert not line.startswith("2026-03-01T13:00:07")


def test_a_strangers_request_is_one_line_however_large(receiver: Receiver) -> None:
    receiver.wait_for_log("receiver ready", times=1)
    before = len(receiver.log.splitlines())
    receiver.send(body(largest(), called=TITLE.encode()))
    receiver.wait_for_log("association rejected", times=1)
    receiver.server.stop()
    assert ["association rejected" in line for line in receiver.log.splitlines()[before:]] == [True]


def test_a_peer_that_sends_garbage_is_told_of_once_and_counted(receiver: Receiver) -> None:
    for _ in range(200):
        receiver.ask(called_ae=TITLE)
    receiver.server.stop()
    lines = receiver.log.splitlines()
    assert len(lines) < 30
    counted = [line for line in lines if "again" in line]
    assert any("199" in line for line in counted), counted
