"""From the manifest to `md.workflow.request`, split into its phases, with RabbitMQ and MinIO on this machine."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import TaskRun

from bench.profile import profiled
from bench.row import Row
from bench.scene import Scene
from bench.sending import Load, send
from bench.site import QUIET_SECONDS, Database, Site, open_site, surroundings
from tests.waiting import wait_until

SMALL = "1 small instance"
_MOST_SECONDS, _SMALL_MOST_SECONDS, _PREFECT_MOST_SECONDS = 2.5, 1.2, 1.0
_TASKS = ("assemble", "upload", "notify")


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds of each phase of one payload."""

    closing: float  # quiet for the AE's timeout → manifest in ready/, less the timeout
    dispatch: float  # manifest → run asked for
    start: float  # run asked for → Running
    between: float  # Running → first task, and between the tasks
    assemble: float  # files verified, DICOM JSON made
    upload: float  # two objects for each instance, verified
    notify: float  # published, confirmed, at the consumer

    @property
    def prefect(self) -> float:
        """What was waited for Prefect."""
        return self.dispatch + self.start + self.between

    @property
    def total(self) -> float:
        """Ready → event."""
        return self.prefect + self.assemble + self.upload + self.notify


Found = Mapping[tuple[str, Database], list[Phases]]


def measure(scene: Scene) -> list[Row]:
    """A large study and a small one, with Prefect on each database."""
    rows = []
    for (load, database), rounds in measure_phases(scene).items():
        most_seconds = _SMALL_MOST_SECONDS if load == SMALL else _MOST_SECONDS
        rows.append(_row(f"{load}, ready → event", database, rounds, lambda each: each.total, most_seconds))
        if load != SMALL:
            what = f"{load}, waiting for Prefect"
            rows.append(_row(what, database, rounds, lambda each: each.prefect, _PREFECT_MOST_SECONDS))
    return rows


def measure_phases(scene: Scene) -> Found:
    """Return the phases of every round, by what was sent and the database of Prefect."""
    files = scene.studies.rich_ct[: scene.amount(324)]
    loads = {f"{len(files)} CT with a vendor's header": Load(files), SMALL: Load([scene.studies.tiny])}
    found: dict[tuple[str, Database], list[Phases]] = {}
    databases: tuple[Database, ...] = ("PostgreSQL", "SQLite")
    with scene.fresh("event") as directory, surroundings(directory) as around:
        for database in databases:
            with open_site(directory / database, database, around) as site:
                _round(site, loads[SMALL])  # everything is warm from here on
                for number in range(1, scene.rounds + 1):
                    for name, load in loads.items():
                        scene.say(f"event, Prefect on {database}: round {number} of {scene.rounds}")
                        found.setdefault((name, database), []).append(_round(site, load))
                with profiled(site.receiver.pid, scene.profiles, f"event-{database.lower()}"):
                    _round(site, next(iter(loads.values())))
    return found


def table(found: Found) -> list[str]:
    """Return the rows of a Markdown table: seconds of each phase, the median of all rounds."""
    columns = [f"{load}, Prefect on {database}" for load, database in found]
    lines = [f"| phase | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name in (*(phase.name for phase in fields(Phases)), "prefect", "total"):
        medians = (statistics.median(getattr(each, name) for each in rounds) for rounds in found.values())
        lines.append(f"| {name} | {' | '.join(f'{median:.2f} s' for median in medians)} |")
    return lines


def _row(
    what: str, database: Database, rounds: list[Phases], seconds: Callable[[Phases], float], most_seconds: float
) -> Row:
    names = [phase.name for phase in fields(Phases) if phase.name != "closing"]
    parts = (f"{name} {statistics.median(getattr(each, name) for each in rounds):.2f}" for name in names)
    return Row(
        what=f"{what}, Prefect on {database}",
        unit="s",
        ours=statistics.median(map(seconds, rounds)),
        at_most=most_seconds,
        note=", ".join(parts),
    )


def _round(site: Site, load: Load) -> Phases:
    """Send a new study, and see it through."""
    send(site.receiver, load)
    sent = datetime.now(UTC)
    (payload_id,) = site.announced(1)
    received = datetime.now(UTC)
    ready, asked = (site.logged(f"{text} payload={payload_id}") for text in ("payload ready", "run asked for"))
    (run,) = site.finished_runs([payload_id])
    tasks = _task_runs(site.api_url, run.id)
    starts = [_moment(tasks[name].start_time) for name in _TASKS]
    ends = [_moment(run.start_time), *(_moment(tasks[name].end_time) for name in _TASKS)]
    gaps = [start - end for start, end in zip(starts, ends, strict=False)]
    spans = {
        "closing": ready - sent,
        "dispatch": asked - ready,
        "start": _moment(run.start_time) - asked,
        "between": gaps[0] + gaps[1] + gaps[2],
        "assemble": ends[1] - starts[0],
        "upload": ends[2] - starts[1],
        "notify": received - starts[2],
    }
    seconds = {name: span.total_seconds() for name, span in spans.items()}
    return Phases(**seconds | {"closing": seconds["closing"] - QUIET_SECONDS})


def _task_runs(api_url: str, run_id: UUID) -> dict[str, TaskRun]:
    """The task runs of a run, once Prefect has recorded that they ended."""
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    with SyncPrefectClient(api_url) as client:

        def recorded() -> dict[str, TaskRun]:
            tasks = {task.name: task for task in client.read_task_runs(flow_run_filter=of_run) if task.end_time}
            return tasks if tasks.keys() >= set(_TASKS) else {}

        return wait_until(recorded, 30, "the tasks to be recorded")


def _moment(moment: datetime | None) -> datetime:
    """As a plain datetime; Prefect's own can't be subtracted from one, as its types have it."""
    assert moment
    return datetime.fromtimestamp(moment.timestamp(), UTC)
