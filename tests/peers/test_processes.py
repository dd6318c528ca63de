"""A server starts when it is ready, says why it did not, and never outlives the test run."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.components import Component, MissingComponent
from tests.peers.ports import free_port
from tests.peers.processes import PeerFailed, Server, answers, listens, processes_at_home_in
from tests.waiting import wait_until


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    server = Server("web", [sys.executable, "-m", "http.server", str(port)], tmp_path, lambda: answers(port, "/"))
    yield server
    server.kill()


def failing(directory: Path, program: str) -> Server:
    return Server("failing", [sys.executable, "-c", program], directory, is_ready=lambda: False, start_seconds=1)


def test_a_server_is_ready_once_started_and_gone_once_stopped(web_server: Server) -> None:
    web_server.start()
    assert web_server.is_ready()
    web_server.stop()
    assert not web_server.is_ready()


def test_starting_a_server_that_runs_changes_nothing(web_server: Server) -> None:
    web_server.start()
    pid = web_server.pid
    web_server.start()
    assert web_server.pid == pid


def test_a_server_that_dies_at_its_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match=r"status 3\n(.*\n)*no such disk"):
        failing(tmp_path, "print('no such disk', flush=True); raise SystemExit(3)").start()


def test_a_server_that_never_gets_ready_shows_the_end_of_its_log_and_is_ended(tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match=r"failing to be ready\n(.*\n)*still at it"):
        failing(tmp_path, "import time; print('still at it', flush=True); time.sleep(60)").start()
    assert not processes_at_home_in(tmp_path)


def test_a_server_takes_what_it_started_with_it(tmp_path: Path) -> None:
    program = "import subprocess, time; subprocess.Popen(['sleep', '60'], start_new_session=True); time.sleep(60)"
    server = Server(
        "parent", [sys.executable, "-c", program], tmp_path, lambda: len(processes_at_home_in(tmp_path)) == 2
    )
    server.start()
    server.kill()
    assert not processes_at_home_in(tmp_path)


def test_a_frozen_server_takes_connections_and_answers_none_until_it_is_thawed(web_server: Server) -> None:
    web_server.start()
    web_server.freeze()
    port = int(str(web_server.command[-1]))
    assert listens(port)
    assert not answers(port, "/", within_seconds=0.2)
    web_server.thaw()
    assert web_server.is_ready()


def test_a_server_ends_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    program = f"""
import pathlib, time
from tests.peers.processes import Server
Server("sleeper", ["sleep", "60"], pathlib.Path({str(tmp_path)!r}), lambda: True).start()
time.sleep(60)
"""
    test_run = subprocess.Popen([sys.executable, "-c", program])
    wait_until(lambda: processes_at_home_in(tmp_path), 10, "the server to start")
    os.kill(test_run.pid, signal.SIGKILL)
    test_run.wait()
    wait_until(lambda: not processes_at_home_in(tmp_path), 10, "the server to end")


def test_a_server_sees_nothing_of_our_environment_but_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    server = Server("env", ["sh", "-c", "env; sleep 60"], tmp_path, lambda: "PATH=" in server.log.read_text())
    server.start()
    server.kill()
    assert "PGPASSWORD" not in server.log.read_text()


def test_a_free_port_is_given_out_once() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert not any(map(listens, ports))


def test_a_missing_component_names_the_command_that_installs_it(tmp_path: Path) -> None:
    component = Component("Nothing", (str(tmp_path / "*" / "nothing"),))
    assert not component.is_installed
    with pytest.raises(MissingComponent, match=r"Nothing is not installed .*`make peers` installs it"):
        component.file("nothing")
