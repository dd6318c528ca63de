"""Destinations that are away are probed; what waits for one goes on as soon as it answers, the oldest first."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from deployments.dispatcher.export_wishes import starts_by_itself
from deployments.dispatcher.exports import ExportDispatcher
from deployments.run_states import put_back
from gateway.destinations.circuits import Circuit, Circuits
from gateway.destinations.sending import probe
from gateway.errors import GatewayError, PeerRefused
from gateway.exports.states import ExportRow
from gateway.waiting import next_delay_seconds

_AT_MOST = 20  # runs, before the probes have their turn

_log = structlog.get_logger()


@dataclass
class DestinationWatch:
    """Watches over circuits and waiting exports. Several dispatchers share the work by claims in the database."""

    client: PrefectClient
    exports: ExportDispatcher
    circuits: Circuits
    calling_ae_title: str

    async def probe(self) -> bool:
        """Probe every destination that is due, side by side."""
        due: list[Circuit] = []
        while circuit := await asyncio.to_thread(self.circuits.claim_probe, datetime.now(UTC)):
            due.append(circuit)
        await asyncio.gather(*(asyncio.to_thread(self._probe, circuit) for circuit in due))
        return True

    async def release(self) -> bool:
        """Let go what waits for a destination that answers again."""
        for row in await asyncio.to_thread(self._those_that_may_go):
            await self._let_go(row)
        return True

    def _probe(self, circuit: Circuit) -> None:
        destination = self.exports.destinations().registered.get(circuit.name)
        away_for = None
        try:
            if destination:  # where an inference request says it, the next export is the probe
                probe(destination, self.calling_ae_title)
        except PeerRefused as refusal:  # it answers, and what it says is for the exports to meet
            _log.info("destination answers, and refuses the probe", destination=circuit.name, reason=str(refusal))
        except GatewayError as error:
            away_for = str(error)
        self.circuits.probed(circuit, away_for, datetime.now(UTC))
        if away_for is None:
            _log.info("destination answers again", destination=circuit.name)

    def _those_that_may_go(self) -> list[ExportRow]:
        """Return exports that wait for a destination which is not away any more, the oldest first."""
        now, found = datetime.now(UTC), self.exports.destinations()
        away = {circuit.name for circuit in self.circuits.all() if circuit.blocks(now)}
        may_go: list[ExportRow] = []
        for row in self.exports.ledger.waiting():
            if len(may_go) < _AT_MOST and _has_waited(row, now):
                awaited = [each for each in self.exports.ledger.destinations(row.export_id) if each.waits]
                names = {found.circuit_name(each.name, row.agent, each.output) for each in awaited}
                if names - away:
                    may_go.append(row)
        return may_go

    async def _let_go(self, row: ExportRow) -> None:
        if row.flow_run_id is None:
            return
        try:
            run = await self.client.read_flow_run(row.flow_run_id)
        except ObjectNotFound:
            return
        if starts_by_itself(run, datetime.now(UTC)) or run.state_name != "AwaitingRetry":
            return
        if await asyncio.to_thread(self.exports.ledger.note_released, row, datetime.now(UTC)):
            await put_back(self.client, run.id, "It waited for a destination, which answers again.")
            _log.info("waiting export released", export=str(row.export_id), run=run.name, run_id=str(run.id))


def _has_waited(row: ExportRow, now: datetime) -> bool:
    """Released before, an export waits longer each time: the probe may be good and the work fail all the same."""
    return row.released is None or now >= row.released + timedelta(seconds=next_delay_seconds(row.releases))
