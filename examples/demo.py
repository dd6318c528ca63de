"""The main job, once, on embedded defaults: `make demo`.

Starts the gateway, sends it a made CT study over a real association, and shows what became of it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from examples.ct_study import made_ct_study
from examples.made_study import Examination

SLICES = 36
DATA_DIR = Path("var/demo")
START_SECONDS, INGEST_SECONDS, STOP_SECONDS = 90.0, 90.0, 15.0

_Seen = TypeVar("_Seen")
console = Console(highlight=False)


class DemoFailed(Exception):
    """What did not work, and what to look at."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway that runs for the demo."""

    process: "subprocess.Popen[bytes]"
    log: Path
    dicom_port: int
    prefect_port: int

    @property
    def dashboard(self) -> str:
        return f"http://127.0.0.1:{self.prefect_port}"

    def ask(self, path: str, question: dict[str, Any]) -> Any:
        """Ask Prefect's API; None while it does not answer."""
        try:
            answer = httpx.post(f"{self.dashboard}/api{path}", json=question, trust_env=False, timeout=10)
        except httpx.TransportError:
            return None
        return answer.json() if answer.is_success else None

    def is_ready(self) -> bool:
        """Whether its log says that every part is ready. Raises DemoFailed where it has ended."""
        if self.process.poll() is not None:
            raise DemoFailed(f"the gateway ended at once:\n{self._end_of_log()}")
        return any(record.get("event") == "ready" for record in self._records())

    def _records(self) -> Iterator[dict[str, Any]]:
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def _end_of_log(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def main() -> int:
    """Run the demo; return the exit code."""
    began = time.monotonic()
    try:
        with running_gateway() as gateway:
            examination = Examination(study=int(time.time()) % 1_000_000)  # a new study each time
            send_study(gateway, examination)
            run = wait_for_run(gateway)
            show(gateway, run)
    except DemoFailed as failure:
        console.print(f"[red]The demo failed:[/] {failure}")
        return 1
    seconds = time.monotonic() - began
    console.print(f"\nDone in {seconds:.0f} s, and nothing is left running. `make up` keeps a gateway up.")
    return 0


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    """Start `mig up` on the embedded defaults, in a directory of its own; end it with all its parts."""
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    settings, log = DATA_DIR / "gateway.toml", DATA_DIR / "demo.log"
    dicom_port, prefect_port = free_port(11112), free_port(4200)
    settings.write_text(
        f'data_dir = "."\n[log]\nformat = "json"\n[scp]\nhost = "127.0.0.1"\nport = {dicom_port}\n'
        f"reject_unknown_sources = false\n[prefect]\nport = {prefect_port}\n[api]\nport = {free_port(5000)}\n",
        encoding="utf-8",
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MIG_", "PREFECT_"))}
    command = [sys.executable, "-m", "deployments", "--config", str(settings), "up"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=own, stdout=output, stderr=output, start_new_session=True)
    gateway = Gateway(process, log, dicom_port, prefect_port)
    try:
        began = time.monotonic()
        wait("Starting the gateway: Prefect, receiver, dispatcher, worker", gateway.is_ready, START_SECONDS)
        console.print(f"The gateway is ready after {time.monotonic() - began:.0f} s (log: {log})")
        yield gateway
    finally:
        end(process)


def send_study(gateway: Gateway, examination: Examination) -> None:
    """Send the study by C-STORE, slice by slice."""
    ae = AE("DEMO-CT")
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", gateway.dicom_port, ae_title="MIG")
    if not association.is_established:
        raise DemoFailed(f"no association with MIG at port {gateway.dicom_port}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        sending = progress.add_task("DEMO-CT sends a made CT study to MIG", total=SLICES)
        for data_set in made_ct_study(SLICES, examination=examination):
            status = association.send_c_store(data_set)
            if status.get("Status") != 0:
                raise DemoFailed(f"a slice was refused with status {status.get('Status', 'none')}")
            progress.advance(sending)
    association.release()


def wait_for_run(gateway: Gateway) -> dict[str, Any]:
    """Wait until the payload's run has ended; return the run as Prefect tells it."""
    question = {"sort": "START_TIME_DESC", "limit": 1, "flows": {"name": {"any_": ["ingest"]}}}
    started = time.time()

    def newest() -> dict[str, Any] | None:
        runs = gateway.ask("/flow_runs/filter", question) or []
        new = [run for run in runs if datetime.fromisoformat(run["created"]).timestamp() > started - 60]
        return new[0] if new and new[0]["state_type"] in {"COMPLETED", "FAILED", "CRASHED"} else None

    text = "The study is complete when it was quiet for 5 s; then it is stored and announced"
    run = wait(text, newest, INGEST_SECONDS)
    assert run
    if run["state_type"] != "COMPLETED":
        raise DemoFailed(f"the run ended {run['state_name']}: {run['state'].get('message')}")
    return run


def show(gateway: Gateway, run: dict[str, Any]) -> None:
    """Print the payload, where it lies, the event, and the run's page."""
    payload_id = run["parameters"]["payload_id"]
    objects = sorted(path for path in (DATA_DIR / "objects/monaideploy" / payload_id).rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in objects)
    event = event_of(gateway, payload_id)
    console.print(
        f"\n[bold]Payload[/] {payload_id}: {event['file_count']} instances from "
        f"{event['trigger']['source']} to {event['trigger']['destination']}"
    )
    console.print(f"[bold]Stored[/]  {len(objects)} objects, {size / 1e6:.1f} MB, e.g.")
    for path in objects[:2]:
        console.print(f"         {path}", soft_wrap=True)
    shown = event | {"payload": [*event["payload"][:1], f"… {len(event['payload']) - 1} more"]}
    console.print("[bold]Event[/]   md.workflow.request")
    console.print_json(json.dumps(shown))
    console.print(f"[bold]Run[/]     {run['name']}: {run['state_name']} in {run['total_run_time']:.1f} s")
    console.print(f"         {gateway.dashboard}/runs/flow-run/{run['id']}", soft_wrap=True)
    console.print(f"         (to look at it: MIG_CONFIG={DATA_DIR}/gateway.toml make up)", soft_wrap=True)


def event_of(gateway: Gateway, payload_id: str) -> dict[str, Any]:
    """Return the `md.workflow.request` that announced the payload."""
    question = {"filter": {"event": {"name": ["md.workflow.request"]}}, "limit": 50}
    for event in (gateway.ask("/events/filter", question) or {}).get("events", []):
        if event["payload"]["payload_id"] == payload_id:
            announced: dict[str, Any] = event["payload"]
            return announced
    raise DemoFailed(f"Prefect has no event for payload {payload_id}")


def wait(what: str, condition: Callable[[], _Seen], seconds: float) -> _Seen:
    """Show `what` until `condition` returns something true, and return that."""
    deadline = time.monotonic() + seconds
    with console.status(f"{what} …"):
        while not (seen := condition()):
            if time.monotonic() > deadline:
                raise DemoFailed(f"it took longer than {seconds:.0f} s: {what} (log: {DATA_DIR / 'demo.log'})")
            time.sleep(0.2)
    return seen


def end(process: "subprocess.Popen[bytes]") -> None:
    """End the gateway as an administrator does, and with force where that does not help."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port(wanted: int) -> int:
    """Return the usual port, or a free one where that is in use."""
    for port in (wanted, 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise DemoFailed("there is no free port")


if __name__ == "__main__":
    sys.exit(main())
