"""How fast a study comes from an archive: to disk, the gateway beside dicomweb-client, and to the event, by phase.

    python -m bench.retrieve

324 CT slices of 525 KB from Orthanc, in interleaved rounds. To disk, each way has a process of its own for each round,
which tells its time and how much memory it took above what it had before.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
from dicomweb_client.web import DICOMwebClient

from bench import request_event
from bench.machine import describe
from bench.place import Place
from examples.ct_study import made_ct_study
from examples.made_study import FIRST, write_study
from tests.gateway.retrieval.scene import Node, study_of
from tests.memory import forget_high_water, resident_bytes
from tests.peers import orthanc

ROUNDS = 5
SLICES = 324
STUDY = str(FIRST.study_instance_uid)
AS_STORED = (("application/dicom", "*"),)


def by_gateway(url: str, directory: Path) -> int:
    """Query, then WADO-RS, verified and indexed."""
    return Node(directory).retrieve(study_of(url, STUDY)).fetched


def by_iter_study(url: str, directory: Path) -> int:
    """The client's stream, each instance decoded and written."""
    client = DICOMwebClient(url)
    return _write(client.iter_study(STUDY, media_types=AS_STORED), directory)


def by_retrieve_study(url: str, directory: Path) -> int:
    """The client's list, each instance decoded and written."""
    client = DICOMwebClient(url)
    return _write(iter(client.retrieve_study(STUDY, media_types=AS_STORED)), directory)


WAYS: dict[str, Callable[[str, Path], int]] = {
    "gateway": by_gateway,
    "dicomweb-client iter_study": by_iter_study,
    "dicomweb-client retrieve_study": by_retrieve_study,
}


def main() -> None:
    """Print a Markdown table."""
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as directory, orthanc.running(Path(directory) / "orthanc") as archive:
        for file in write_study(made_ct_study(SLICES), Path(directory) / "ct"):
            archive.file(file)
        for number in range(ROUNDS):
            for name in WAYS:
                _say(f"round {number + 1} of {ROUNDS}: {name}")
                figures[name].append(_measured(name, f"{archive.url}/dicom-web"))
        print(describe(Place(Path(directory), "the system's temporary directory")))
        rows = request_event.measure(Path(directory) / "sites", f"{archive.url}/dicom-web", STUDY, ROUNDS, _say)
    print("| way | s | instances/s | CPU ms each | peak MB above idle |\n| --- | ---: | ---: | ---: | ---: |")
    for name, rounds in figures.items():
        seconds, cpu, peak = (statistics.median(each[key] for each in rounds) for key in ("seconds", "cpu", "peak"))
        print(f"| {name} | {seconds:.2f} | {SLICES / seconds:.0f} | {cpu / SLICES * 1000:.2f} | {peak / 1e6:.0f} |")
    print("", *rows, sep="\n")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _measured(name: str, url: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "bench.retrieve", name, url, directory]
        told: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        return told


def _child(name: str, url: str, directory: Path) -> None:
    forget_high_water()
    idle, began, cpu = resident_bytes(), time.monotonic(), time.process_time()
    fetched = WAYS[name](url, directory)
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    assert fetched == SLICES
    print(json.dumps({"seconds": seconds, "cpu": used, "peak": resident_bytes(high_water=True) - idle}))


def _write(instances: Iterator[pydicom.Dataset], directory: Path) -> int:
    count = 0
    for count, instance in enumerate(instances, 1):
        instance.save_as(directory / f"{count}.dcm", enforce_file_format=True)
    return count


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2], Path(sys.argv[3])) if len(sys.argv) > 1 else main()
