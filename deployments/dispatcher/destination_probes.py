"""Destinations that are away are probed, at the times that their circuit breakers say."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from gateway.destinations.circuits import Circuit, Circuits
from gateway.destinations.registered import Destinations
from gateway.errors import GatewayError, PeerRefused

_log = structlog.get_logger()


@dataclass
class DestinationProbes:
    """Several dispatchers share the work by claims in the database."""

    circuits: Circuits
    destinations: Callable[[], Destinations]

    async def look(self) -> bool:
        """Probe every destination that is due, side by side."""
        due: list[Circuit] = []
        while circuit := await asyncio.to_thread(self.circuits.claim_probe, datetime.now(UTC)):
            due.append(circuit)
        await asyncio.gather(*(asyncio.to_thread(self._probe, circuit) for circuit in due))
        return True

    def _probe(self, circuit: Circuit) -> None:
        destination = self.destinations().find_registered(circuit.name)
        away_for = None
        try:
            if destination:  # where an inference request says it, the next export is the probe
                destination.probe()
        except PeerRefused as refusal:  # it answers, and what it says is for the exports to meet
            _log.info("destination answers, and refuses the probe", destination=circuit.name, reason=str(refusal))
        except GatewayError as error:
            away_for = str(error)
        self.circuits.probed(circuit, away_for, datetime.now(UTC))
        if away_for is None:
            _log.info("destination answers again", destination=circuit.name)
