"""dcmtk: the DICOM tools that most others are tried against."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.components import DCMTK
from tests.peers.ports import free_port
from tests.peers.processes import Server, listens


@dataclass(frozen=True, slots=True)
class ApplicationEntity:
    """Whom to call."""

    ae_title: str
    port: int
    host: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Finished:
    """How a tool ended, and what it printed. `storescu` may end with 0 though an instance was refused: read on."""

    exit_status: int
    output: str


@dataclass(frozen=True, slots=True)
class Receiver:
    """A `storescp` that files what it gets in `directory`."""

    server: Server
    called: ApplicationEntity
    directory: Path


_ARCHIVE = """\
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
{ae_title} {area} {access} (1000, 1024mb) ANY
AETable END
"""


@dataclass(frozen=True, slots=True)
class Dcmtk:
    """The tools of this machine.

    Without `at_once` they leave small packets to Nagle's algorithm, as is dcmtk's default: some 22 instances a second
    on the loopback interface. A slow sender of that sort is real.
    """

    at_once: bool = True

    def echoscu(self, called: ApplicationEntity, *options: str, calling: str = "ECHOSCU") -> Finished:
        """Ask for verification (C-ECHO)."""
        return self.run("echoscu", *_peers(called, calling, options))

    def storescu(
        self,
        called: ApplicationEntity,
        files: Iterable[Path],
        *options: str,
        calling: str = "STORESCU",
        timeout_seconds: float = 120,
    ) -> Finished:
        """Send files over one association, in the transfer syntaxes that `options` propose (default: uncompressed)."""
        return self.run("storescu", *_peers(called, calling, options), *files, timeout_seconds=timeout_seconds)

    def dcmsend(
        self,
        called: ApplicationEntity,
        files: Iterable[Path],
        *options: str,
        calling: str = "DCMSEND",
        timeout_seconds: float = 120,
    ) -> Finished:
        """Send files, each in the transfer syntax it has, over as many associations as that takes."""
        return self.run("dcmsend", *_peers(called, calling, options), *files, timeout_seconds=timeout_seconds)

    def dcmdump(self, file: Path, *options: str) -> str:
        """The file's elements as text. Raises CalledProcessError for what dcmtk can't read."""
        finished = self.run("dcmdump", *options, file)
        if finished.exit_status != 0:
            raise subprocess.CalledProcessError(finished.exit_status, "dcmdump", finished.output)
        return finished.output

    @contextmanager
    def storescp(self, directory: Path, *options: str, ae_title: str = "STORESCP") -> Iterator[Receiver]:
        """A receiver that takes every storage SOP class from anyone; `options` widen the transfer syntaxes."""
        received = directory / "received"
        received.mkdir(parents=True)
        port = free_port()

        def is_ready() -> bool:
            return listens(port)

        command: list[str | Path] = [DCMTK.file("storescp"), "--aetitle", ae_title, "--output-directory", received]
        command += [*options, str(port)]
        server = Server("storescp", command, directory, is_ready, _no_delay(self.at_once))
        try:
            server.start()
            yield Receiver(server, ApplicationEntity(ae_title, port), received)
        finally:
            server.stop()

    @contextmanager
    def dcmqrscp(self, directory: Path, ae_title: str = "ARCHIVE", *, access: str = "RW") -> Iterator[Receiver]:
        """An archive with one storage area, which everybody may read and write ("RW") or only read ("R")."""
        area = directory / "area"
        area.mkdir(parents=True)
        port = free_port()
        configuration = directory / "dcmqrscp.cfg"
        configuration.write_text(_ARCHIVE.format(port=port, ae_title=ae_title, area=area, access=access))

        def is_ready() -> bool:
            return listens(port)

        command: list[str | Path] = [DCMTK.file("dcmqrscp"), "--config", configuration]
        server = Server("dcmqrscp", command, directory, is_ready, _no_delay(self.at_once))
        try:
            server.start()
            yield Receiver(server, ApplicationEntity(ae_title, port), area)
        finally:
            server.stop()

    def run(self, program: str, *arguments: str | Path, timeout_seconds: float = 120) -> Finished:
        """Run one of the tools to its end."""
        inherited = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
        finished = subprocess.run(
            [DCMTK.file(program), *arguments],
            env=inherited | _no_delay(self.at_once),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_seconds,
            check=False,
        )
        return Finished(finished.returncode, finished.stdout)


def _peers(called: ApplicationEntity, calling: str, options: Iterable[str]) -> list[str]:
    return ["--aetitle", calling, "--call", called.ae_title, *options, called.host, str(called.port)]


def _no_delay(at_once: bool) -> dict[str, str]:
    return {"TCP_NODELAY": "1"} if at_once else {}
