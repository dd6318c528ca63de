"""One run of an export: what can be tried now is fetched and sent, and what became of it is kept at once."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway.destinations.circuits import Circuits
from gateway.destinations.port import Destination, OutgoingFile
from gateway.destinations.registered import Destinations
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.errors import Dependency, PeerRefused, PeerUnavailable, PermanentError, SettingsError, TransientError
from gateway.exports.fetching import Unfit, fetch_files, file_in
from gateway.exports.lease import ExportLease
from gateway.exports.report import fetched_line
from gateway.exports.settlement import Settlement
from gateway.exports.settling import settle
from gateway.exports.states import DestinationRow, ExportRow, FileStatus
from gateway.object_store import ObjectStore
from gateway.work.waiting import Wait

Now = Callable[[], datetime]

_SETTLED_WITHIN_SECONDS = 3600.0  # where no destination says otherwise


class DestinationAway(TransientError):
    """A destination is known to be away: it is probed, and until it answers nothing else is tried there."""


@dataclass(frozen=True, slots=True)
class Left:
    """Why an export can't be finished now, and until when it is not given up."""

    waits: tuple[Wait, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class ExportRun:
    """A run that has taken an export up. Methods raise what the ledger raises; `stopping` ends a send between files."""

    lease: ExportLease
    destinations: Destinations
    circuits: Circuits
    stopping: threading.Event
    now: Now

    def prepare(self) -> list[DestinationRow]:
        """Once a try, before anything is fetched: return the destinations that miss files and may be tried now.

        It writes: unknown ones are given up, several services of one name are parted, which are away is noted.
        """
        export = self.lease.row()
        if export.problem:
            self.lease.fail(FileStatus.CONFIGURATION_ERROR, export.problem)
        for row in self.lease.destinations():
            self._part_services(row, export)
        return [row for row in self.lease.destinations() if self._admit(row, export)]

    def distrust_circuits(self) -> None:
        """Have every destination tried, though it was away when it was last asked."""
        agent = self.lease.row().agent
        for row in self.lease.destinations():
            self.circuits.try_again(self.destinations.circuit_name(row.name, agent, row.output))

    def fetch(self, positions: Iterable[int], store: ObjectStore, area: Path, reserve_bytes: int) -> str:
        """Fetch what these destinations miss; return what came of it, in a sentence.

        Raises what the store raises that is not about one file.
        """
        wanted: dict[int, str] = {}
        for position in positions:
            wanted |= self.lease.missing(position)

        def unfit(number: int, found: Unfit) -> None:
            self.lease.fail(found.status, found.reason, file=number)

        fetch_files(store, wanted, area, reserve_bytes, unfit)
        return fetched_line(sum(file_in(area, number).exists() for number in wanted), len(wanted))

    def send(self, position: int, area: Path) -> None:
        """Send what a destination misses. Raises PeerUnavailable and DestinationAway, with all kept that is known."""
        export, row = self.lease.row(), self.lease.destinations()[position]
        destination = self._found(row, export)
        circuit = self.circuits.of(destination.name)
        if circuit and circuit.blocks(self.now()):
            raise DestinationAway(circuit.reason)
        try:
            self._send(row, destination, area)
        except PeerUnavailable as error:
            self._note_failure(row, destination, error)
        except PeerRefused as error:
            self.circuits.refused(destination.name, str(error), self.now())
            self.lease.fail(FileStatus.SERVICE_ERROR, str(error), destination=position)
        except SettingsError as error:
            self.lease.fail(FileStatus.CONFIGURATION_ERROR, str(error), destination=position)
        except PermanentError as error:
            self.lease.fail(FileStatus.UNKNOWN, str(error), destination=position)

    def give_up_overdue(self) -> Left | None:
        """Give up what was waited for too long; return what is still waited for, None where the export can settle."""
        export, left = self.lease.row(), []
        for row in self.lease.destinations():
            if self.lease.missing(row.position):
                left += self._wait_or_give_up(row, export)
        if not left:
            return None
        return Left(tuple(wait for wait, _ in left), min(until for _, until in left))

    def until_for_part(self, part: Dependency) -> datetime | None:
        """Until when a part of ours may be away: as long as the most patient destination. None: it is over."""
        export, now = self.lease.row(), self.now()
        known = filter(None, (self._retry_window(row, export) for row in self.lease.destinations()))
        seconds = max(known, default=_SETTLED_WITHIN_SECONDS)
        until = (self.lease.waiting_since(part) or now) + timedelta(seconds=seconds)
        return until if until > now else None

    def wait(self, waits: Sequence[Wait], next_try: datetime) -> None:
        """The run ends for now."""
        self.lease.wait(waits, next_try, self.now())

    def give_up_fetching(self, reason: str) -> None:
        """Nothing more can be had from the object store: what is missing is failed."""
        self.lease.fail(FileStatus.DOWNLOAD_ERROR, reason)

    def labels(self) -> dict[str, str]:
        """What the destinations of this export are called in Prefect, by their names."""
        agent = self.lease.row().agent
        return {row.name: self.destinations.label(row.name, agent) for row in self.lease.destinations()}

    def settle(self) -> Settlement:
        """Settle as the files stand."""
        return settle(self.lease, self.destinations, self.now())

    def _part_services(self, row: DestinationRow, export: ExportRow) -> None:
        try:
            found = self.destinations.find(row.name, export.agent)
        except PermanentError as error:  # unknown, or its credentials are lost
            self.lease.fail(FileStatus.CONFIGURATION_ERROR, str(error), destination=row.position)
            return
        if row.output >= len(found):
            gone = "the inference request does not name this service any more"
            self.lease.fail(FileStatus.CONFIGURATION_ERROR, gone, destination=row.position)
        elif row.output == 0 and len(found) > 1:
            self.lease.split(row, len(found))

    def _admit(self, row: DestinationRow, export: ExportRow) -> bool:
        """Have a destination tried; False where nothing is missing, or it is away, which is noted."""
        if not self.lease.missing(row.position):
            return False
        circuit = self.circuits.of(self._found(row, export).name)
        if circuit and circuit.blocks(self.now()):
            self.lease.note_away(row.position, circuit.reason, self.now(), waits=True)
            return False
        return True

    def _send(self, row: DestinationRow, destination: Destination, area: Path) -> None:
        left = ""
        with self.lease.noting(row.position) as note:
            for number, outcome in self._outcomes(row, destination, area):
                note(number, outcome, self.now())
                if outcome.outcome is Outcome.TRANSIENT:
                    left = outcome.reason
        if left and not self.stopping.is_set():
            raise _SomeLeft(left)

    def _outcomes(
        self, row: DestinationRow, destination: Destination, area: Path
    ) -> Iterator[tuple[int, StoreOutcome]]:
        """What becomes of each file, by its number. That anything got there is noted with the first that did."""
        files = _files_in(area, self.lease.missing(row.position))
        there = False
        for file, outcome in self._sent(destination, files, self.lease.suspects(row.position)):
            yield file.number, outcome
            if not there and outcome.outcome is not Outcome.TRANSIENT:
                there = True
                self.circuits.answered(destination.name, self.now())
                self.lease.note_there(row.position)

    def _sent(
        self, destination: Destination, files: Sequence[OutgoingFile], suspects: set[int]
    ) -> Iterator[tuple[OutgoingFile, StoreOutcome]]:
        """New files first, together; then each that was tried before by itself: it takes no other one with it."""
        new = [file for file in files if file.number not in suspects]
        tried = [file for file in files if file.number in suspects]
        for some, together in ((new, True), (tried, False)):
            if some and not self.stopping.is_set():
                yield from destination.deliver(some, self.stopping, together=together)

    def _note_failure(self, row: DestinationRow, destination: Destination, error: PeerUnavailable) -> None:
        """Count it against the destination, unless it took other files. Raises what is to be tried again, and when."""
        is_open = False
        if not isinstance(error, _SomeLeft):
            circuit = self.circuits.failed(destination.name, str(error), self.now(), error.retry_after_seconds)
            is_open = circuit.is_open
        self.lease.note_away(row.position, str(error), self.now(), waits=is_open)
        if is_open:
            raise DestinationAway(str(error)) from error
        raise error

    def _wait_or_give_up(self, row: DestinationRow, export: ExportRow) -> list[tuple[Wait, datetime]]:
        destination = self._found(row, export)
        until = (row.away_since or self.now()) + timedelta(seconds=destination.retry_for_seconds)
        if until <= self.now():
            tried_for = _in_words(destination.retry_for_seconds)
            self.lease.fail(
                FileStatus.SERVICE_ERROR, f"{row.reason}; given up after {tried_for}", destination=row.position
            )
            return []
        return [(Wait(Dependency.DESTINATION, row.reason, destination.name, when_it_answers=row.waits), until)]

    def _retry_window(self, row: DestinationRow, export: ExportRow) -> float | None:
        """How long a destination is waited for, in seconds; None for one that is unknown, or no more."""
        try:
            return self._found(row, export).retry_for_seconds
        except (PermanentError, IndexError):
            return None

    def _found(self, row: DestinationRow, export: ExportRow) -> Destination:
        return self.destinations.find(row.name, export.agent)[row.output]


class _SomeLeft(PeerUnavailable):
    """A destination took some files, and can't store others just now."""


def _files_in(area: Path, missing: Mapping[int, str]) -> list[OutgoingFile]:
    """The files that lie there, in the order in which they are to go."""
    files = (OutgoingFile(number, file_in(area, number), key) for number, key in missing.items())
    return [file for file in files if file.path.exists()]


def _in_words(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 and seconds % 60 == 0 else f"{seconds:g} s"
