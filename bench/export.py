"""How fast results go out: an export's run beside dcmtk's senders, and how soon after the request.

    python -m bench.export

500 CT of 525 KB and 2,000 MR of 33 KB, in interleaved rounds, to dcmtk's storescp and by STOW-RS to Orthanc, each
counted there. `export` is a whole run: fetched from a local object store, every outcome committed to SQLite. "Its
sends" are what is left without the fetching, and what storescu and dcmsend do. Each way has a process of its own.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.machine import describe
from bench.place import Place
from examples.ct_study import made_ct_study
from examples.made_study import write_study
from examples.mr_study import made_mr_study
from gateway.config import DicomWebDestination, DimseDestination
from gateway.dicom.part10_file import Part10File
from gateway.exports.area import working_area
from gateway.exports.ledger import opened_ledger
from gateway.exports.states import ExportState
from gateway.object_store.local import LocalObjectStore
from tests.gateway.dimse.raw_pacs import Association, Manners, raw_pacs
from tests.gateway.exports.scene import Scene, pacs_destination
from tests.memory import forget_high_water, resident_bytes
from tests.peers import orthanc
from tests.peers.dcmtk import ApplicationEntity, Dcmtk
from tests.site.exporting import running_export_site

ROUNDS = 3
REQUESTS = 10
WAYS = ("export", "dcmsend", "storescu", "export to Orthanc")

Told = dict[str, float]


@dataclass(frozen=True, slots=True)
class Load:
    """Files of one kind, and where they lie as objects."""

    name: str
    directory: Path
    count: int

    @property
    def files(self) -> Path:
        return self.directory / "files"


def main() -> None:
    """Print two Markdown tables."""
    with tempfile.TemporaryDirectory() as directory:
        loads = [
            _load("CT 525 KB", Path(directory) / "ct", lambda at: write_study(made_ct_study(500), at)),
            _load("MR 33 KB", Path(directory) / "mr", lambda at: write_study(made_mr_study(2000), at)),
        ]
        figures: dict[tuple[str, str], list[Told]] = {}
        for number in range(ROUNDS):
            for load in loads:
                for way in WAYS:
                    print(f"round {number + 1} of {ROUNDS}: {load.name}, {way}", file=sys.stderr)
                    figures.setdefault((load.name, way), []).append(_measured(way, load))
        print(describe(Place(Path(directory), "the system's temporary directory")))
        print("\n".join(_table(loads, figures)))
        print("\n".join(_latencies(Path(directory))))


def _load(name: str, directory: Path, make: Callable[[Path], list[Path]]) -> Load:
    made = make(directory / "files")
    with opened_ledger("sqlite://") as ledger:
        Scene(directory, ledger).put(*map(Part10File.at, made))
    return Load(name, directory, len(made))


def _measured(way: str, load: Load) -> Told:
    """One round of one way, to a receiver of its own, where every instance is counted."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as running:
        if way == "export to Orthanc":
            archive = running.enter_context(
                orthanc.running(Path(directory) / "orthanc", environment={"TCP_NODELAY": "1"})
            )
            told = _child(way, load, f"{archive.url}/dicom-web")
            arrived = len(archive.ask("GET", "/instances").json())
        else:
            receiver = running.enter_context(Dcmtk().storescp(Path(directory)))
            port = receiver.called.port
            told = _child(way, load, str(port)) if way == "export" else _dcmtk(way, load, receiver.called)
            arrived = len(list(receiver.directory.iterdir()))
    assert arrived == load.count, f"{arrived} of {load.count} arrived"
    return told


def _dcmtk(program: str, load: Load, called: ApplicationEntity) -> Told:
    tools = Dcmtk()
    files = sorted(load.files.iterdir())
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    finished = (tools.dcmsend if program == "dcmsend" else tools.storescu)(called, files)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert finished.exit_status == 0, finished.output
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "sending": seconds, "cpu": cpu, "peak": 0.0}


def _child(way: str, load: Load, address: str) -> Told:
    command = [sys.executable, "-m", "bench.export", way, str(load.directory), address]
    told: Told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return told


def _export(way: str, directory: Path, address: str) -> None:
    """In a process of its own: run an export, and tell what it took."""
    with tempfile.TemporaryDirectory() as own, opened_ledger(f"sqlite:///{own}/gateway.db") as ledger:
        scene = Scene(Path(own), ledger)
        scene.store = LocalObjectStore(directory / "objects", "monaideploy")
        if way == "export":
            scene.register(DimseDestination(name="there", ae_title="STORESCP", host="127.0.0.1", port=int(address)))
        else:
            scene.register(DicomWebDestination(name="there", url=address))
        export_id = scene.ask([stored.key for stored in scene.store.list("p/")], "there")
        forget_high_water()
        idle, began, cpu = resident_bytes(), time.monotonic(), time.process_time()
        run = scene.take_up(export_id)
        assert run
        with working_area(Path(own) / "exports", export_id, run.lease.fencing_token) as area:
            run.fetch([0], scene.store, area, reserve_bytes=0)
            fetched = time.monotonic()
            run.send(0, area)
            ended = time.monotonic()
            used = time.process_time() - cpu
        assert run.settle().message == ""
    told = {"seconds": ended - began, "sending": ended - fetched, "cpu": used}
    print(json.dumps(told | {"peak": resident_bytes(high_water=True) - idle}))


def _table(loads: list[Load], figures: dict[tuple[str, str], list[Told]]) -> Iterator[str]:
    yield "| sent | way | instances/s | its sends/s | CPU ms/instance | peak MB above idle |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for load in loads:
        for way in WAYS:
            rounds = figures[load.name, way]
            seconds, sending, cpu, peak = (
                statistics.median(each[key] for each in rounds) for key in ("seconds", "sending", "cpu", "peak")
            )
            memory = f"{peak / 1e6:.0f}" if peak else ""
            rates = f"{load.count / seconds:,.0f} | {load.count / sending:,.0f}"
            yield f"| {load.name} | {way} | {rates} | {cpu / load.count * 1000:.2f} | {memory} |"


def _latencies(directory: Path) -> Iterator[str]:
    """From a request that is recorded to the first byte of its file at the peer, with `mig up` on its defaults."""
    arrivals: list[float] = []

    def note(association: Association, _: int) -> None:
        arrivals.append(association.began)
        association.answer(0)

    seconds = []
    (directory / "site").mkdir()
    with running_export_site(directory / "site") as site, raw_pacs(Manners(answer=note)) as pacs:
        site.register(pacs_destination(pacs))
        keys = site.put_some(1)
        for number in range(REQUESTS + 1):
            asked = time.monotonic()
            export_id = site.ask(keys, "pacs", task=f"task-{number}")
            site.wait_for(export_id, ExportState.SUCCEEDED)
            seconds.append(arrivals[-1] - asked)
    warm = sorted(seconds[1:])
    yield ""
    yield (
        f"Request → connection at the peer, `mig up`, {REQUESTS} requests one by one: "
        f"median {statistics.median(warm):.2f} s, {warm[0]:.2f} to {warm[-1]:.2f} s"
    )


if __name__ == "__main__":
    _export(sys.argv[1], Path(sys.argv[2]), sys.argv[3]) if len(sys.argv) > 1 else main()
