"""Which runs there are, and how they stand. Nothing here changes one."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateway.errors import NotInPrefect
from gateway.runs.run import PastState, Run, StateType

if TYPE_CHECKING:
    from gateway.runs.api import PrefectApi

_PAGE = 200  # the most that a server returns at once unless told otherwise
_IDS_AT_ONCE = 100  # in one question


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Runs for which all of it holds. What is left empty does not matter; of several, one has to hold."""

    work_pool: str | None = None
    queues: Collection[str] = ()
    types: Collection[StateType] = ()
    state_names: Collection[str] = ()
    tags: Collection[str] = ()
    ids: Collection[UUID] = ()

    def as_json(self) -> dict[str, Any]:
        state = {"type": _any(self.types), "name": _any(self.state_names)}
        runs: dict[str, Any] = {
            "id": _any(map(str, self.ids)),
            "state": {key: value for key, value in state.items() if value},
            "tags": _any(self.tags),
            "work_queue_name": _any(self.queues),
        }
        pools = {"work_pools": {"name": {"any_": [self.work_pool]}}} if self.work_pool else {}
        return {"flow_runs": {key: value for key, value in runs.items() if value}, **pools}


async def read_run(api: "PrefectApi", run_id: UUID) -> Run:
    """Return a run. Raises NotInPrefect where it was deleted."""
    return await api.ask("GET", f"flow_runs/{run_id}", Run.of)


async def find_run(api: "PrefectApi", run_id: UUID) -> Run | None:
    """Return a run; None where it was deleted."""
    try:
        return await read_run(api, run_id)
    except NotInPrefect:
        return None


async def read_states(api: "PrefectApi", run_id: UUID) -> list[PastState]:
    """Return every state that a run has been in, the first one first; none for a run that was deleted."""
    return await api.ask("GET", f"flow_run_states/?flow_run_id={run_id}", _states)


async def count_runs(api: "PrefectApi", wanted: RunFilter) -> int:
    return await api.ask("POST", "flow_runs/count", int, wanted.as_json())


async def find_runs(api: "PrefectApi", wanted: RunFilter, at_most: int | None = None) -> list[Run]:
    """Return runs, those that began first, or are to begin first, before others."""
    found: dict[UUID, Run] = {}  # what leaves the filter meanwhile moves the rest between the pages
    offset = 0
    while at_most is None or len(found) < at_most:
        limit = _PAGE if at_most is None else min(_PAGE, at_most - len(found))
        question = {**wanted.as_json(), "sort": "START_TIME_ASC", "limit": limit, "offset": offset}
        page = await api.ask("POST", "flow_runs/filter", _runs, question)
        found |= {run.id: run for run in page}
        offset += len(page)
        if len(page) < limit:
            break
    return list(found.values())


async def runs_by_id(api: "PrefectApi", run_ids: Sequence[UUID]) -> dict[UUID, Run]:
    """Return those of these runs that are still there."""
    found: dict[UUID, Run] = {}
    for some in _parted(run_ids):
        found |= {run.id: run for run in await find_runs(api, RunFilter(ids=some))}
    return found


async def runs_over(api: "PrefectApi", run_ids: Sequence[UUID], ends: Collection[StateType]) -> dict[UUID, Run | None]:
    """Return those of these runs that have come to one of these ends; None: it was deleted.

    A server that is asked for every run in full, every few seconds, has little time left for a long backlog.
    """
    found: dict[UUID, Run | None] = {}
    for some in _parted(run_ids):
        if await count_runs(api, RunFilter(ids=some)) < len(some):
            there = await runs_by_id(api, some)
            found |= {run_id: None for run_id in some if run_id not in there}
            found |= {run.id: run for run in there.values() if run.state_type in ends}
        else:
            found |= {run.id: run for run in await find_runs(api, RunFilter(ids=some, types=ends))}
    return found


def _parted(run_ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [run_ids[start : start + _IDS_AT_ONCE] for start in range(0, len(run_ids), _IDS_AT_ONCE)]


def _any(values: Iterable[str]) -> dict[str, list[str]]:
    wanted = sorted(values)
    return {"any_": wanted} if wanted else {}


def _runs(answer: list[dict[str, Any]]) -> list[Run]:
    return [Run.of(each) for each in answer]


def _states(answer: list[dict[str, Any]]) -> list[PastState]:
    return sorted(map(PastState.of, answer), key=lambda state: state.since)
