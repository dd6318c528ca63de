"""A component as a child process: started when it says that it is ready, ended with all that it started."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import wait_until

_LOG_LINES_SHOWN = 30


class PeerFailed(Exception):
    """A component did not start. The text shows the end of its log."""


@dataclass
class Server:
    """One process and its descendants, which see nothing of our environment but PATH.

    They are at home in `directory/name`: HOME, working directory and log are there. It is also how they are told from
    everybody else's processes, so nothing else is to work there.
    """

    name: str
    command: Sequence[str | Path]
    directory: Path
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 30
    stop_seconds: float = 30
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)

    @property
    def home(self) -> Path:
        """The directory that is its own."""
        return self.directory / self.name

    @property
    def log(self) -> Path:
        """What it printed, since the first start."""
        return self.home / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start it, or start it again on the same data, and wait until it is ready. Harmless while it runs."""
        if self.pid is not None:
            return
        self._process = self._spawn()
        try:
            wait_until(self._is_ready_or_dead, self.start_seconds, f"{self.name} to be ready")
        except TimeoutError as error:
            self.kill()
            raise PeerFailed(f"{error}\n{self._end_of_log()}") from None
        if self.pid is None:
            self.kill()
            raise PeerFailed(f"{self.name} ended with status {self._process.returncode}\n{self._end_of_log()}")

    def stop(self) -> None:
        """End it as its administrator would. Harmless while it is stopped."""
        if self._process and self.pid is not None:
            self._process.send_signal(self.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self.stop_seconds)
        self.kill()

    def kill(self) -> None:
        """End it as a crash would: SIGKILL to it and to all that it started."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self._kill_descendants()

    def freeze(self) -> None:
        """Stop its process until `thaw`; its sockets stay open. Returns once the last of its threads stands still.

        The signal reaches the threads one after the other: a busy server answers meanwhile.
        """
        self._signal(signal.SIGSTOP)
        wait_until(self._stands_still, self.stop_seconds, f"{self.name} to stand still")

    def thaw(self) -> None:
        """Let it go on. Harmless while it runs."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or self.pid is None:
            raise PeerFailed(f"{self.name} does not run")
        self._process.send_signal(number)

    def _stands_still(self) -> bool:
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return {_state(thread) for thread in threads} == {"T"}

    def _spawn(self) -> "subprocess.Popen[bytes]":
        self.home.mkdir(parents=True, exist_ok=True)
        if self.user is not None:
            shutil.chown(self.home, self.user, self.user)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*_identity(self.user), *map(str, self.command)],
                cwd=self.home,
                env={"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _kill_descendants(self) -> None:
        def all_gone() -> bool:
            pids = processes_at_home_in(self.home)
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not pids

        wait_until(all_gone, self.stop_seconds, f"the processes that {self.name} started to end")

    def _is_ready_or_dead(self) -> bool:
        return self.pid is None or self.is_ready()

    def _end_of_log(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"the end of {self.log}:", *lines[-_LOG_LINES_SHOWN:]])


def processes_at_home_in(directory: Path) -> list[int]:
    """The ids of the live processes whose HOME or working directory is `directory`, or lies below it."""
    processes = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [int(process.name) for process in processes if _is_home(process, directory)]


def answers(port: int, path: str, headers: Mapping[str, str] | None = None, within_seconds: float = 5) -> bool:
    """Whether a GET at this port of the loopback interface is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within_seconds)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def listens(port: int) -> bool:
    """Whether somebody takes connections at this port of the loopback interface."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def _state(thread: Path) -> str:
    """The letter by which the kernel tells a thread's state (proc(5), stat); the name before it may have any sign."""
    return (thread / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][0]


def _identity(user: str | None) -> list[str]:
    """The command that changes to `user`, and lets the kernel end a child whose test run was killed.

    The kernel counts a thread's end as its parent's, so a server that a passing thread starts is left out.
    """
    identity = ["setpriv"]
    if user is not None:
        identity += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    if threading.current_thread() is threading.main_thread():
        identity += ["--pdeathsig=KILL"]
    return [*identity, "--"]


def _is_home(process: Path, directory: Path) -> bool:
    try:
        working_directory = (process / "cwd").readlink()
        environment = (process / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended meanwhile, or is none of ours
        return False
    homes = [Path(os.fsdecode(entry[5:])) for entry in environment if entry.startswith(b"HOME=")]
    return working_directory.is_relative_to(directory.resolve()) or any(
        home.is_relative_to(directory) for home in homes
    )
