"""What a peer sends makes no line of the log: not ours, and not pynetdicom's (CWE-117)."""

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
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=20)) as connection:
            connection.sendall(association_request(called_ae.encode(), abstract_syntax.encode()))
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


def test_a_peer_that_sends_garbage_is_told_of_once_and_counted(receiver: Receiver) -> None:
    for _ in range(200):
        receiver.ask(called_ae=TITLE)
    receiver.server.stop()
    lines = receiver.log.splitlines()
    assert len(lines) < 30
    counted = [line for line in lines if "again" in line]
    assert any("199" in line for line in counted), counted


def association_request(called_ae: bytes, abstract_syntax: bytes) -> bytes:
    """An A-ASSOCIATE-RQ with one presentation context (PS3.8 section 9.3.2)."""
    context = bytes((1, 0, 0, 0)) + item(0x30, abstract_syntax) + item(0x40, b"1.2.840.10008.1.2")
    user = item(0x51, struct.pack(">I", 16_384)) + item(0x52, b"1.2.3.4")
    items = item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, context) + item(0x50, user)
    body = struct.pack(">HH", 1, 0) + called_ae.ljust(16)[:16] + b"CT01".ljust(16) + bytes(32) + items
    return struct.pack(">BxI", 1, len(body)) + body


def item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content
