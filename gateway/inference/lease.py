"""A run's lease on a request: of two workers that both believe they have it one ends quietly, with TakenOver."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, delete, func, insert, select, update

from gateway.credentials.authorization import Authorization
from gateway.credentials.vault import Vault
from gateway.database import database_errors
from gateway.errors import CredentialsLost, PermanentError
from gateway.events.port import Message
from gateway.inference.identity import payload_id
from gateway.inference.row import COLUMNS, WORK, RequestRow, RequestState, request_row
from gateway.inference.store import RequestStore
from gateway.inference.tables import payloads, requests
from gateway.payloads import index
from gateway.payloads.announcements import keep_announcement
from gateway.payloads.payload import Payload, read_payload
from gateway.payloads.rows import Dispatch, row_of
from gateway.sources.outcome import OUTCOME, RetrievalOutcome
from gateway.work import waiting
from gateway.work.lease import Lease
from gateway.work.transitions import Event
from gateway.work.waiting import Wait

_CREDENTIALS_GONE = "the credentials for its sources are no longer held: submit the request again"


def take(store: RequestStore, request_id: UUID, flow_run_id: UUID, now: datetime) -> "RequestLease | None":
    """Take a request for one try; None where it is announced already.

    Raises CredentialsLost where it needs credentials that are gone, and NoSuchWork.
    """
    with store.work.taking(request_id) as (connection, lease):
        row = request_row(connection.execute(select(*COLUMNS).where(requests.c.request_id == request_id)).one())
        if row.state is RequestState.COMPLETED:
            return None
        if row.had_credentials and not row.holds_credentials and not row.uploaded:
            raise CredentialsLost(_CREDENTIALS_GONE)
        waiting.interrupt(connection, WORK.key(request_id))
        values = {
            "tries": requests.c.tries + 1,
            "message": "",
            "started": func.coalesce(requests.c.started, now),
            "ended": None,
            "next_try": None,
            "waiting_since": None if row.state.is_over else row.waiting_since,
            "flow_run_id": flow_run_id,
        }
        lease.apply(connection, Event.TAKEN, **values)
    return RequestLease(lease)


@dataclass(frozen=True, slots=True)
class RequestLease:
    """The right to go on with a request. All methods raise DatabaseUnavailable, and TakenOver where it is lost."""

    lease: Lease

    @property
    def request_id(self) -> UUID:
        return self.lease.work_id

    @property
    def fencing_token(self) -> int:
        return self.lease.fencing_token

    @property
    def engine(self) -> Engine:
        return self.lease.engine

    def row(self) -> RequestRow:
        """The request as it is now."""
        row = RequestStore(self.engine).find(self.request_id)
        if row is None or row.fencing_token != self.fencing_token:
            raise self.lease.taken_over()
        return row

    def open_sources(self, vault: Vault) -> dict[int, Authorization]:
        """The credentials for its sources. Raises CredentialsLost where they are gone, or no key fits."""
        sealed = RequestStore(self.engine).sealed_sources(self.request_id)
        if sealed is None:
            raise CredentialsLost(_CREDENTIALS_GONE)
        return vault.open(sealed)

    def note_outcome(self, outcome: RetrievalOutcome) -> None:
        """Keep how far the sources have come."""
        self._change({"outcome": OUTCOME.dump_json(outcome).decode()})

    def keep_payload(self, payload: Payload) -> None:
        """Fix what the payload consists of: what is stored and announced from here on, by whomever."""
        content = zlib.compress(payload.model_dump_json().encode())
        with self.lease.writing() as connection:
            this = update(requests).where(requests.c.request_id == self.request_id)
            connection.execute(this.values(partial=payload.partial))
            connection.execute(delete(payloads).where(payloads.c.request_id == self.request_id))
            values = {"request_id": self.request_id, "payload_id": payload.payload_id, "content": content}
            connection.execute(insert(payloads).values(values))

    def payload(self) -> Payload:
        """What was fixed."""
        wanted = select(payloads.c.content).where(payloads.c.request_id == self.request_id)
        with database_errors(), self.engine.connect() as connection:
            content = connection.execute(wanted).scalar_one_or_none()
        if content is None:
            raise PermanentError(f"nothing was fetched yet for request {self.request_id}")
        return read_payload(zlib.decompress(content), f"the record of what was fetched for request {self.request_id}")

    def keep_announcement(self, message: Message) -> None:
        """Keep what it is about to be announced with."""
        with self.lease.writing() as connection:
            keep_announcement(connection, payload_id(self.request_id), message)

    def note_uploaded(self, now: datetime) -> None:
        """Every object is stored: whoever goes on from here, on whatever node, has only to announce it."""
        self._change({"uploaded": now})

    def complete(self, now: datetime) -> None:
        """It is announced, and its payload is listed with the others. The credentials for its sources are erased."""
        row, payload = self.row(), self.payload()
        announced = replace(
            row_of(payload),
            request_id=self.request_id,
            attempt=row.attempt,
            flow_run_id=row.flow_run_id,
            state=Dispatch.ANNOUNCED,
            uploaded=row.uploaded,
            announced=now,
        )
        with self.lease.writing() as connection:
            said = {"ended": now, "message": "", "sources_sealed": None, "waiting_since": None}
            self.lease.apply(connection, Event.SUCCEEDED, **said)
            index.keep_payload(connection, payload, announced)

    def wait(self, waits: Sequence[Wait], next_try: datetime, now: datetime, waiting_since: datetime | None) -> None:
        """It goes on by itself, by `next_try` at the latest."""
        self.lease.wait(waits, next_try, now, waiting_since=waiting_since)

    def fail(self, message: str, now: datetime) -> None:
        """Waiting can't help any more. What is fetched stays, and so do the credentials, for a while."""
        with self.lease.writing() as connection:
            self.lease.apply(connection, Event.FAILED, message=message, ended=now)

    def _change(self, values: dict[str, Any]) -> None:
        with self.lease.writing() as connection:
            connection.execute(update(requests).where(requests.c.request_id == self.request_id).values(values))
