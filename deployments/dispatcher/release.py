"""Work that waits for a part that is away goes on as soon as that answers, the oldest first, whatever its kind.

A probe may succeed where the real work still fails: an object store that has a bucket and takes no object, say. So work
is released once for each outage that a probe has seen; released in vain, it waits longer each time.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Engine as Database

from deployments.dispatcher.decision import starts_by_itself
from deployments.dispatcher.engine import Engine, free_places
from deployments.dispatcher.trial import Trial
from gateway.clock import Clock, SystemClock, time_of
from gateway.database import database_errors
from gateway.destinations.circuits import Circuits
from gateway.errors import DatabaseUnavailable, Dependency, GatewayError, NotInPrefect
from gateway.runs.api import PrefectApi
from gateway.runs.reading import RunFilter, find_run, find_runs
from gateway.runs.run import AWAITING_RETRY, Run
from gateway.runs.states import put_back
from gateway.work import waiting
from gateway.work.kind import Probe
from gateway.work.waiting import AwaitedPart, WaitRow, tag_of

_UNASKED_SECONDS = 15.0  # a part is asked this seldom while nobody is to be released
_AT_MOST = 20  # runs, before it is asked again whether the part still answers

_log = structlog.get_logger()


@dataclass
class Release:
    """Asks whether what is waited for answers, and lets go of what waits for it."""

    api: PrefectApi
    engine: Engine
    database: Database
    probes: Mapping[Dependency, Probe]
    circuits: Circuits
    trial: Trial
    clock: Clock = field(default_factory=SystemClock)
    _asked: dict[tuple[Dependency, str], float] = field(default_factory=dict, init=False)
    _away: set[tuple[Dependency, str]] = field(default_factory=set, init=False)

    async def look(self) -> bool:
        """Release, for each part that answers, some of what waits for it."""
        for part in await asyncio.to_thread(self._parts):
            if await self._is_to_be_asked(part) and await self._is_back(part):
                for row in await asyncio.to_thread(self._that_may_go, part):
                    if await asyncio.to_thread(free_places, self.engine.kinds[row.kind].kind):
                        await self._let_go(row, part)
        return True

    async def look_for_those_without_a_row(self) -> bool:
        """Release runs that wait for the database, which could not be told of it: their tags say so."""
        with database_errors():
            await asyncio.to_thread(lambda: self.database.connect().close())
        wanted = RunFilter(state_names=[AWAITING_RETRY], tags=[tag_of(Dependency.DATABASE)])
        for run in await find_runs(self.api, wanted, _AT_MOST):
            await self._put_back(run, Dependency.DATABASE.in_words)
        return True

    def _parts(self) -> list[AwaitedPart]:
        with database_errors(), self.database.connect() as connection:
            return waiting.parts_waited_for(connection, self._now())

    def _that_may_go(self, part: AwaitedPart) -> list[WaitRow]:
        with database_errors(), self.database.connect() as connection:
            return waiting.that_may_go(connection, part, self._now(), _AT_MOST)

    async def _is_to_be_asked(self, part: AwaitedPart) -> bool:
        """Not again and again for nobody."""
        before = self._asked.get((part.dependency, part.name))
        is_due = before is None or self.clock.monotonic() >= before + _UNASKED_SECONDS
        return is_due or bool(await asyncio.to_thread(self._that_may_go, part))

    async def _is_back(self, part: AwaitedPart) -> bool:
        key = part.dependency, part.name
        self._asked[key] = self.clock.monotonic()
        if not await self._answers(part):
            self._away.add(key)
            return False
        if key in self._away and part.dependency is not Dependency.DESTINATION:  # whose breaker has its own delays
            await asyncio.to_thread(self._forgive, part)
        self._away.discard(key)
        return True

    async def _answers(self, part: AwaitedPart) -> bool:
        if part.dependency is Dependency.DESTINATION:
            circuit = await asyncio.to_thread(self.circuits.of, part.name)
            return circuit is None or not circuit.blocks(self._now())
        try:
            if part.dependency is Dependency.EVENTS and await self._takes_events(part):
                return True
            probe = self.probes.get(part.dependency) or await asyncio.to_thread(self._probe_of_its_kind, part)
            if probe is None:
                return False
            await asyncio.to_thread(probe)
        except DatabaseUnavailable:
            raise
        except GatewayError as error:
            _log.debug("still away", part=part.dependency.in_words, name=part.name, reason=str(error))
            return False
        return True

    async def _takes_events(self, part: AwaitedPart) -> bool:
        """Whether the broker has just taken one; False where none is here to try. Raises why it came back."""
        for row in self.trial.in_turn(await asyncio.to_thread(self._that_wait, part)):
            event = await asyncio.to_thread(self.engine.kinds[row.kind].kind.event_of, row.work_id)
            run = await self._run_of(row) if event else None
            if event and run and run.is_waiting:  # else somebody has cancelled it
                await asyncio.to_thread(self.trial.publish, event, self._now())
                return True
        return False

    def _that_wait(self, part: AwaitedPart) -> list[WaitRow]:
        with database_errors(), self.database.connect() as connection:
            return waiting.that_wait(connection, part, self._now(), _AT_MOST)

    def _probe_of_its_kind(self, part: AwaitedPart) -> Probe | None:
        with database_errors(), self.database.connect() as connection:
            first = waiting.oldest(connection, part)
        return self.engine.kinds[first.kind].kind.probe_for(first) if first else None

    def _forgive(self, part: AwaitedPart) -> None:
        with database_errors(), self.database.begin() as connection:
            waiting.forgive(connection, part)

    async def _let_go(self, row: WaitRow, part: AwaitedPart) -> None:
        """Unless its run has yet to end: it has only just said that it waits, and is released the next time."""
        run = await self._run_of(row)
        if run is None or run.state_type.is_at_work or not await asyncio.to_thread(self._note, row):
            return
        await self._put_back(run, f"the {part.dependency} {part.name}" if part.name else part.dependency.in_words)

    async def _run_of(self, row: WaitRow) -> Run | None:
        work = await asyncio.to_thread(self.engine.kinds[row.kind].kind.ledger.find, row.work_id)
        return await find_run(self.api, work.flow_run_id) if work and work.flow_run_id else None

    def _note(self, row: WaitRow) -> bool:
        """Count it, unless somebody else has seen to it."""
        kind = self.engine.kinds[row.kind].kind
        with database_errors(), self.database.begin() as connection:
            return waiting.note_release(connection, row, self._now()) and kind.ledger.note_released(
                connection, row.work_id
            )

    async def _put_back(self, run: Run, waited_for: str) -> None:
        if not run.is_waiting or starts_by_itself(run, self._now()):
            return
        with suppress(NotInPrefect):  # deleted meanwhile
            verdict = await put_back(self.api, run.id, f"It waited for {waited_for}, which answers again.")
            if verdict.is_accepted:
                _log.info("waiting run released", waited_for=waited_for, run=run.name, run_id=str(run.id))

    def _now(self) -> datetime:
        return time_of(self.clock.time_ns())
