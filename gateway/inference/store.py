"""The inference requests: taken in, looked at, and let go of. The database's commit is their durability.

All methods raise DatabaseUnavailable and DatabaseRefused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.acr.request import INFERENCE_REQUEST
from gateway.acr.submission import Submission
from gateway.database import database_errors, ids_beginning, open_database
from gateway.errors import AlreadyKnown
from gateway.inference.identity import request_id
from gateway.inference.row import COLUMNS, ENDS, TRANSITIONS, WORK, RequestRow, RequestState, request_row
from gateway.inference.tables import payloads, requests
from gateway.work import rows
from gateway.work.ledger import WorkLedger
from gateway.work.rows import NEW_WORK
from gateway.work.transitions import Event

if TYPE_CHECKING:
    from gateway.credentials.vault import Vault


class RequestStore:
    """The table, with one method for each thing that happens to a request that no worker holds."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.work = WorkLedger(engine, WORK)

    def accept(
        self,
        submission: Submission,
        vault: "Vault | None",
        now: datetime,
        *,
        output_term: timedelta = timedelta(0),
        flow_run_id: UUID | None = None,
    ) -> UUID:
        """Take a request in, durably, and return its id. `flow_run_id` is its run, where it has one already.

        Without credentials no vault is needed. Raises AlreadyKnown where its transaction is.
        """
        request, credentials = submission.request, submission.credentials
        values = _new_row(submission, now) | {"flow_run_id": flow_run_id}
        if credentials.sources:
            values["sources_sealed"] = _needed(vault).seal(credentials.sources)
        if credentials.outputs:
            values["outputs_sealed"] = _needed(vault).seal(credentials.outputs)
            values["outputs_until"] = now + output_term
        with database_errors():
            try:
                with self.engine.begin() as connection:
                    connection.execute(insert(requests).values(values))
            except IntegrityError:
                raise AlreadyKnown("a request with this transactionID is known") from None  # the error quotes values
        return request_id(request.transaction_id)

    def find(self, request: UUID) -> RequestRow | None:
        return next(iter(self._select(requests.c.request_id == request)), None)

    def find_by_transaction(self, transaction_id: str) -> RequestRow | None:
        return self.find(request_id(transaction_id))

    def find_by_payload(self, payload: UUID) -> RequestRow | None:
        """The request that has become this payload, or is about to."""
        became = select(payloads.c.request_id).where(payloads.c.payload_id == payload)
        return next(iter(self._select(requests.c.request_id.in_(became))), None)

    def payloads_matching(self, beginning: str, limit: int = 2) -> list[UUID]:
        """Return the payloads of requests whose id, the payload's, begins so."""
        wanted = select(payloads.c.payload_id).where(ids_beginning(payloads.c.payload_id, beginning)).limit(limit)
        with database_errors(), self.engine.connect() as connection:
            return list(connection.execute(wanted).scalars())

    def of_runs(self, run_ids: Sequence[UUID]) -> list[RequestRow]:
        """The requests of these runs."""
        return self._select(requests.c.flow_run_id.in_(run_ids))

    def newest(
        self,
        limit: int,
        offset: int = 0,
        state: RequestState | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[RequestRow]:
        """Return requests, the newest first; where they are given, those in a state, accepted within these times."""
        wanted = [] if state is None else [requests.c.state == state]
        wanted += [] if since is None else [requests.c.created >= since]
        wanted += [] if until is None else [requests.c.created < until]
        order = (requests.c.created.desc(), requests.c.request_id)
        return self._select(*wanted, order=order, limit=limit, offset=offset)

    def matching(self, beginning: str, limit: int = 2) -> list[RequestRow]:
        """Return requests whose id begins so, as run names and people abbreviate it."""
        return self._select(ids_beginning(requests.c.request_id, beginning), limit=limit)

    def note_failed(self, request: UUID, message: str, now: datetime, *, run: UUID) -> None:
        """Its run has failed without a word of its own."""
        values = {"message": message, "ended": now, "next_try": None}
        with database_errors(), self.engine.begin() as connection:
            rows.apply(connection, WORK, Event.RUN_FAILED, request, requests.c.flow_run_id == run, **values)

    def cancel(self, request: UUID, message: str, now: datetime, *, run: UUID | None = None) -> bool:
        """End it, unless it is announced; its source credentials are erased, and whoever holds it is fenced off.

        With `run`, only if that is its run still, and it is not over. Returns whether it was ended.
        """
        values = {"message": message, "ended": now, "next_try": None, "sources_sealed": None}
        which = [] if run is None else [requests.c.flow_run_id == run, requests.c.state.not_in(sorted(ENDS))]
        token = requests.c.fencing_token + 1
        with database_errors(), self.engine.begin() as connection:
            return rows.apply(connection, WORK, Event.RUN_CANCELLED, request, *which, fencing_token=token, **values)

    def sealed_sources(self, request: UUID) -> bytes | None:
        """The credentials for its sources, sealed, as long as they are kept."""
        wanted = select(requests.c.sources_sealed).where(requests.c.request_id == request)
        with database_errors(), self.engine.connect() as connection:
            return connection.execute(wanted).scalar_one_or_none()

    def erase_expired(self, now: datetime, keep_failed: timedelta) -> int:
        """Erase credentials whose term is over; return of how many requests."""
        failed = (requests.c.state == RequestState.FAILED) & (requests.c.ended < now - keep_failed)
        sources = self._change(failed & requests.c.sources_sealed.is_not(None), {"sources_sealed": None})
        ended = (requests.c.outputs_until < now) & requests.c.state.in_(sorted(ENDS))
        return sources + self._change(ended & requests.c.outputs_sealed.is_not(None), {"outputs_sealed": None})

    def _select(
        self,
        *wanted: ColumnElement[bool],
        order: Sequence[ColumnElement[Any]] = (requests.c.created, requests.c.request_id),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[RequestRow]:
        question = select(*COLUMNS).where(*wanted).order_by(*order).limit(limit).offset(offset)
        with database_errors(), self.engine.connect() as connection:
            return [request_row(found) for found in connection.execute(question)]

    def _change(self, which: ColumnElement[bool], values: dict[str, Any]) -> int:
        with database_errors(), self.engine.begin() as connection:
            return connection.execute(update(requests).where(which).values(values)).rowcount


@contextmanager
def opened_request_store(url: str, *, may_upgrade: bool = True) -> Iterator[RequestStore]:
    """The requests in the database at `url`."""
    engine = open_database(url, may_upgrade=may_upgrade)
    try:
        yield RequestStore(engine)
    finally:
        engine.dispose()


def _new_row(submission: Submission, now: datetime) -> dict[str, Any]:
    request = submission.request
    return {
        "request_id": request_id(request.transaction_id),
        "transaction_id": request.transaction_id,
        "priority": request.priority,
        "content": INFERENCE_REQUEST.dump_json(request).decode(),
        "had_credentials": bool(submission.credentials.sources),
        "state": TRANSITIONS.initial,
        "created": now,
        "tries": 0,
        "partial": False,
        **NEW_WORK,
    }


def _needed(vault: "Vault | None") -> "Vault":
    if vault is None:
        raise AssertionError("a request with credentials needs a vault")
    return vault
