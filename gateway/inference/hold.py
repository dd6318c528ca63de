"""A worker's hold on a request, by an epoch of its own: only the last one to take it may go on.

Taking it is a compare-and-set, and every write says `… WHERE epoch = mine`. So of two workers that both believe they
have it one ends quietly: with TakenOver.
"""

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from gateway.database import database_errors
from gateway.errors import CredentialsLost, PermanentError, TakenOver
from gateway.inference.credentials import Authorization
from gateway.inference.outcome import OUTCOME, Outcome
from gateway.inference.row import RequestRow, RequestState
from gateway.inference.store import RequestStore
from gateway.inference.tables import payloads, requests
from gateway.inference.vault import Vault
from gateway.payloads.payload import Payload, read_payload

_CREDENTIALS_GONE = "the credentials for its sources are no longer held: submit the request again"


def take(store: RequestStore, request_id: UUID, flow_run_id: UUID, now: datetime) -> "Hold | None":
    """Take a request for one try; None where it is announced already.

    Raises TakenOver where another was quicker, CredentialsLost where it needs credentials that are gone, PermanentError
    where there is no such request.
    """
    row = store.find(request_id)
    if row is None:
        raise PermanentError(f"there is no inference request {request_id}")
    if row.state is RequestState.COMPLETED:
        return None
    if row.had_credentials and not row.holds_credentials and not row.uploaded:
        raise CredentialsLost(_CREDENTIALS_GONE)
    values = {
        "epoch": row.epoch + 1,
        "tries": requests.c.tries + 1,
        "state": RequestState.RUNNING,
        "message": "",
        "started": func.coalesce(requests.c.started, now),
        "ended": None,
        "next_try": None,
        "waiting_since": None if row.state.is_over else row.waiting_since,
        "flow_run_id": flow_run_id,
    }
    unchanged = (requests.c.request_id == request_id, requests.c.epoch == row.epoch, requests.c.state == row.state)
    with database_errors(), store.engine.begin() as connection:
        if connection.execute(update(requests).where(*unchanged).values(values)).rowcount == 0:
            raise TakenOver(f"request {request_id} was taken over by another worker")
    return Hold(store.engine, request_id, row.epoch + 1)


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to go on with a request. All methods raise DatabaseUnavailable, and TakenOver where it is lost."""

    engine: Engine
    request_id: UUID
    epoch: int

    def row(self) -> RequestRow:
        """The request as it is now."""
        row = RequestStore(self.engine).find(self.request_id)
        if row is None or row.epoch != self.epoch or row.state is RequestState.CANCELLED:
            raise self._taken_over()
        return row

    def open_sources(self, vault: Vault) -> dict[int, Authorization]:
        """The credentials for its sources. Raises CredentialsLost where they are gone, or no key fits."""
        sealed = RequestStore(self.engine).sealed_sources(self.request_id)
        if sealed is None:
            raise CredentialsLost(_CREDENTIALS_GONE)
        return vault.open(sealed)

    def note_outcome(self, outcome: Outcome) -> None:
        """Keep how far the sources have come."""
        self._change({"outcome": OUTCOME.dump_json(outcome).decode()})

    def keep_payload(self, payload: Payload) -> None:
        """Fix what the payload consists of: what is stored and announced from here on, by whomever."""
        content = zlib.compress(payload.model_dump_json().encode())
        with database_errors(), self.engine.begin() as connection:
            self._update(connection, {"partial": payload.partial})
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

    def note_uploaded(self, now: datetime) -> None:
        """Every object is stored: whoever goes on from here, on whatever node, has only to announce it."""
        self._change({"uploaded": now})

    def complete(self, now: datetime) -> None:
        """It is announced. The credentials for its sources are erased."""
        ended = {"state": RequestState.COMPLETED, "ended": now, "message": "", "sources_sealed": None}
        self._change(ended | {"waiting_since": None})

    def wait(self, message: str, next_try: datetime, waiting_since: datetime | None) -> None:
        """It goes on by itself, by `next_try` at the latest."""
        self._change(
            {
                "state": RequestState.WAITING,
                "message": message,
                "next_try": next_try,
                "waiting_since": waiting_since,
            }
        )

    def fail(self, message: str, now: datetime) -> None:
        """Waiting can't help any more. What is fetched stays, and so do the credentials, for a while."""
        self._change({"state": RequestState.FAILED, "message": message, "ended": now})

    def _change(self, values: dict[str, Any]) -> None:
        with database_errors(), self.engine.begin() as connection:
            self._update(connection, values)

    def _update(self, connection: Connection, values: dict[str, Any]) -> None:
        mine = (
            requests.c.request_id == self.request_id,
            requests.c.epoch == self.epoch,
            requests.c.state != RequestState.CANCELLED,
        )
        if connection.execute(update(requests).where(*mine).values(values)).rowcount == 0:
            raise self._taken_over()

    def _taken_over(self) -> TakenOver:
        return TakenOver(f"request {self.request_id} was taken over by another worker, or cancelled")
