"""The payloads, each with its run: an index beside the spool, which holds the truth of those that were received.

Lost or empty, it is filled again from the manifests in `ready/`; only payloads that are announced and gone are then
no longer listed. Those that inference requests became stand here from when they are announced.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, select

from gateway.database import database_errors, ids_beginning, open_database
from gateway.database.totals import add
from gateway.payloads.addresses import is_fed_from, note_closing
from gateway.payloads.announcements import Announcements
from gateway.payloads.finding import EVERY_PAYLOAD, PayloadFilter, alternatives, count_of, page_of
from gateway.payloads.lookups import keep_lookups, last_without
from gateway.payloads.payload import Payload
from gateway.payloads.rows import WORK, Dispatch, PayloadRow, counted_phases, payload_row, payloads, row_of
from gateway.payloads.studies import PayloadStudy, keep_studies, read_studies
from gateway.work import rows, waiting
from gateway.work.ledger import WorkLedger
from gateway.work.rows import NEW_WORK
from gateway.work.transitions import Event
from gateway.work.waiting import Wait


class PayloadIndex:
    """The table, with one method for each thing that happens to a payload. All raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.work = WorkLedger(engine, WORK)
        self.announcements = Announcements(engine)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def record(self, payload: Payload) -> PayloadRow:
        """Take a closed payload in, and return its row: the one of before where it has one."""
        with database_errors():
            if row := self._find(payload.payload_id):
                return row
            row = row_of(payload)
            with self._engine.begin() as connection:
                keep_payload(connection, payload, row)
            return row

    def note_announced(
        self, payload_id: UUID, at: datetime, uploaded: datetime | None = None, began: datetime | None = None
    ) -> None:
        """The payload has left `ready/`; all of it was stored when it was `uploaded`, by a run that `began` then."""
        with database_errors(), self._engine.begin() as connection:
            said = {"announced": at, "uploaded": uploaded, "message": "", "next_try": None}
            if rows.apply(connection, WORK, Event.SUCCEEDED, payload_id, **said):
                row = connection.execute(select(payloads).where(payloads.c.payload_id == payload_id)).one()
                add(connection, counted_phases(payload_row(row), began), row.node_id)

    def note_wait(self, payload_id: UUID, waits: Sequence[Wait], next_try: datetime, now: datetime) -> None:
        """Its run has ended for now. The spool says who may go on with it: here is only what it waits for."""
        said = {"message": waiting.sentence(waits, next_try), "next_try": next_try}
        with database_errors(), self._engine.begin() as connection:
            if rows.apply(connection, WORK, Event.WAITS, payload_id, **said):
                waiting.keep(connection, WORK.key(payload_id), waits, now, next_try)

    def note_taken(self, payload_id: UUID) -> None:
        """A run that has waited goes on."""
        with database_errors(), self._engine.begin() as connection:
            waiting.interrupt(connection, WORK.key(payload_id))
            rows.apply(connection, WORK, Event.TAKEN, payload_id, message="", next_try=None)

    def row(self, payload_id: UUID) -> PayloadRow | None:
        with database_errors():
            return self._find(payload_id)

    def open_rows(self, node_id: UUID) -> list[PayloadRow]:
        """Return the payloads of a node that are not announced, the oldest first."""
        wanted = select(payloads).where(payloads.c.node_id == node_id, payloads.c.state != Dispatch.ANNOUNCED)
        with database_errors(), self._engine.connect() as connection:
            return [payload_row(found) for found in connection.execute(wanted.order_by(payloads.c.closed))]

    def newest(
        self, limit: int, wanted: PayloadFilter = EVERY_PAYLOAD, after: PayloadRow | None = None
    ) -> list[PayloadRow]:
        """Return payloads of every node, the newest first, from the one that follows `after`."""
        with database_errors(), self._engine.connect() as connection:
            found = [
                payload_row(row)
                for each in alternatives(wanted)
                for row in connection.execute(page_of(each, limit, after))
            ]
        return sorted(found, key=lambda row: (row.closed, row.payload_id), reverse=True)[:limit]

    def count(self, wanted: PayloadFilter = EVERY_PAYLOAD) -> int:
        """How many payloads there are like that."""
        with database_errors(), self._engine.connect() as connection:
            return sum(int(connection.execute(count_of(each)).scalar_one()) for each in alternatives(wanted))

    def last_without_lookups(self, fingerprints: Sequence[str]) -> datetime | None:
        """When the last payload was closed that is not found by Accession Number or Patient ID with these keys."""
        with database_errors(), self._engine.connect() as connection:
            return last_without(connection, fingerprints)

    def studies(self, payload_ids: Sequence[UUID]) -> dict[UUID, tuple[PayloadStudy, ...]]:
        """Return what each of these payloads holds."""
        with database_errors(), self._engine.connect() as connection:
            return read_studies(connection, payload_ids)

    def is_fed_from(self, payload_id: UUID, address: str) -> bool:
        """Whether an association from this address, which is still known, fed a payload, be it open."""
        with database_errors(), self._engine.connect() as connection:
            return bool(connection.execute(select(is_fed_from(payload_id, address))).scalar_one())

    def matching(self, beginning: str, limit: int = 2) -> list[PayloadRow]:
        """Return payloads whose id begins so, as run names and people abbreviate it."""
        wanted = select(payloads).where(ids_beginning(payloads.c.payload_id, beginning))
        with database_errors(), self._engine.connect() as connection:
            return [payload_row(found) for found in connection.execute(wanted.limit(limit))]

    def _find(self, payload_id: UUID) -> PayloadRow | None:
        with self._engine.connect() as connection:
            found = connection.execute(select(payloads).where(payloads.c.payload_id == payload_id)).one_or_none()
        return payload_row(found) if found else None


def keep_payload(connection: Connection, payload: Payload, row: PayloadRow) -> None:
    """Write a new row down, with all that it is found by."""
    connection.execute(insert(payloads).values(NEW_WORK | asdict(row)))
    keep_studies(connection, payload)
    keep_lookups(connection, payload)
    note_closing(connection, payload)


@contextmanager
def opened_payload_index(url: str, *, may_upgrade: bool = True) -> Iterator[PayloadIndex]:
    """The index in the database at `url`."""
    index = PayloadIndex(open_database(url, may_upgrade=may_upgrade))
    try:
        yield index
    finally:
        index.close()
