"""From manifest to run: every payload in `ready/` is recorded and has a run that stands for it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import structlog
from prefect.client.schemas.objects import FlowRun

from deployments.dispatcher.decision import DOES_NOT_STAND, needs_another_run
from deployments.dispatcher.deployment_runs import DeploymentRuns
from deployments.dispatcher.payload_runs import payload_run
from gateway.errors import Damaged, FromNewerProgram
from gateway.payloads.index import Dispatch, PayloadIndex, PayloadRow
from gateway.payloads.payload import Payload
from gateway.spool.door import Door
from gateway.spool.node import Node

_log = structlog.get_logger()


@dataclass
class Dispatcher:
    """Keeps `ready/`, the index and Prefect together. One run is created at a time: SQLite refuses concurrent ones.

    After any outage, and with an empty index, the next look sets everything right.
    """

    door: Door
    node: Node
    index: PayloadIndex
    runs: DeploymentRuns
    _rows: dict[UUID, PayloadRow] | None = field(default=None, init=False)  # not announced, as the index has them
    _damaged: set[UUID] = field(default_factory=set, init=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @property
    def has_work(self) -> bool:
        """Whether any payload is not announced, as far as was last seen."""
        return bool(self._rows)

    async def look(self) -> bool:
        """Note what has left `ready/`, and ask for a run for what is new there."""
        async with self._one_at_a_time:
            rows = await self._known()
            ready = await asyncio.to_thread(self.door.ready_ids)
            await self._note_announced(rows.keys() - set(ready))
            new = [each for each in ready if each not in self._damaged and not _has_run(rows, each)]
            for payload_id in new:
                await self._dispatch(payload_id, attempt=1)
            return bool(new)

    async def reconcile(self) -> bool:
        """Ask for another run where the last one does not stand for its payload any more."""
        async with self._one_at_a_time:
            rows = {row.flow_run_id: row for row in (await self._known()).values() if row.flow_run_id}
            for run_id, run in (await self.runs.over(list(rows), DOES_NOT_STAND)).items():
                row = rows[run_id]
                if needs_another_run(run, row.attempt, datetime.now(UTC)) and await self._is_ready(row.payload_id):
                    _log.warning("a payload's run is no more", payload=str(row.payload_id), run_is=_in_words(run))
                    await self._dispatch(row.payload_id, row.attempt + 1)
            return bool(rows)

    async def _dispatch(self, payload_id: UUID, attempt: int) -> None:
        """Ask for run number `attempt`, or the first after it that is not over already: the index may be lost."""
        payload = await self._read(payload_id)
        if payload is None:
            return
        row = await asyncio.to_thread(self.index.record, payload)
        (await self._known())[payload_id] = row
        run = await self.runs.create(payload_run(payload, attempt, self.node.work_queue))
        while needs_another_run(run, attempt, datetime.now(UTC)):
            attempt += 1
            run = await self.runs.create(payload_run(payload, attempt, self.node.work_queue))
        await self._note_run(row, attempt, run)

    async def _known(self) -> dict[UUID, PayloadRow]:
        if self._rows is None:
            rows = await asyncio.to_thread(self.index.open_rows, self.node.node_id)
            self._rows = {row.payload_id: row for row in rows}
        return self._rows

    async def _note_announced(self, payload_ids: Iterable[UUID]) -> None:
        rows = await self._known()
        for payload_id in payload_ids:
            await asyncio.to_thread(self.index.note_announced, payload_id, datetime.now(UTC))
            del rows[payload_id]

    async def _note_run(self, row: PayloadRow, attempt: int, run: FlowRun) -> None:
        await asyncio.to_thread(self.index.note_run, row.payload_id, attempt, run.id)
        changed = replace(row, attempt=attempt, flow_run_id=run.id, state=Dispatch.DISPATCHED)
        (await self._known())[row.payload_id] = changed
        _log.info("run asked for", payload=str(row.payload_id), attempt=attempt, run=run.name, run_id=str(run.id))

    async def _is_ready(self, payload_id: UUID) -> bool:
        """Look again: a run that completes takes its payload out of `ready/` just before."""
        return await asyncio.to_thread(self.door.state, payload_id) == "ready"

    async def _read(self, payload_id: UUID) -> Payload | None:
        try:
            return await asyncio.to_thread(self.door.read, payload_id)
        except FileNotFoundError:  # announced and gone meanwhile
            return None
        except (Damaged, FromNewerProgram) as error:
            _log.error("payload can't be dispatched", payload=str(payload_id), reason=str(error))
            self._damaged.add(payload_id)
            return None


def _has_run(rows: dict[UUID, PayloadRow], payload_id: UUID) -> bool:
    return payload_id in rows and rows[payload_id].flow_run_id is not None


def _in_words(run: FlowRun | None) -> str:
    return (run.state_name or "without a state") if run else "deleted"
