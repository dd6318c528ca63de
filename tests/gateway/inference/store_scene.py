"""A database of requests, and a vault beside it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from cryptography.fernet import Fernet
from sqlalchemy import text

from gateway.acr.submission import read_submission
from gateway.credentials.vault import Vault
from gateway.inference.lease import RequestLease, take
from gateway.inference.row import RequestRow
from gateway.inference.store import RequestStore
from gateway.payloads.payload import DataService, Origin, Payload
from tests.gateway.acr.requests import Json, as_body, inference_request, source
from tests.gateway.events.payloads import payload as made_payload

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "Zm9vOmJhcg=="
OUTPUT_SECRET = "YmF6OnF1eA=="
ASKED_BY = Origin(service=DataService.ACR, source="ACR-1", destination="ACR-DSI")


def _new_vault() -> Vault:
    return Vault([Fernet.generate_key()], "the test's key")


def announce(lease: RequestLease, now: datetime, fetched: Payload | None = None) -> Payload:
    """Say that all of it is stored and announced; return it."""
    became = {"payload_id": lease.row().payload_id, "requested_by": ASKED_BY, "closed_by": "retrieved"}
    payload = (fetched or made_payload()).model_copy(update=became)
    lease.keep_payload(payload)
    lease.note_uploaded(now)
    lease.complete(now)
    return payload


@dataclass
class Requests:
    """What a test does to the requests. `now` moves by hand."""

    store: RequestStore
    now: datetime = NOW
    vault: Vault = field(default_factory=_new_vault)

    def accept(self, transaction_id: str = "T-1", priority: int = 128) -> UUID:
        """Take in a request that has a credential for its source, and another one for its output."""
        archive = source("https://archive.hospital/dicom-web", auth_type="Basic", auth_id=SECRET)
        vna = source("https://vna.hospital/dicom-web", auth_type="Bearer", auth_id=OUTPUT_SECRET)
        request = inference_request(sources=[archive], transaction_id=transaction_id)
        return self.accept_json(request | {"priority": priority, "outputResources": [vna]})

    def accept_json(self, request: Json) -> UUID:
        submission = read_submission(as_body(request), allow_credentials_over_http=True)
        return self.store.accept(submission, self.vault, self.now, output_term=timedelta(days=30))

    def take(self, request: UUID, run: UUID | None = None) -> RequestLease:
        hold = take(self.store, request, run or uuid4(), self.now)
        assert hold
        return hold

    def announce(self, request: UUID, payload: Payload | None = None) -> Payload:
        """As its run does when all is stored; return what it has become."""
        return announce(self.take(request), self.now, payload)

    def row(self, request: UUID) -> RequestRow:
        row = self.store.find(request)
        assert row
        return row

    def sealed(self, request: UUID) -> tuple[bool, bool]:
        """Whether the credentials for its sources, and those for its outputs, are kept."""
        question = "SELECT sources_sealed IS NOT NULL, outputs_sealed IS NOT NULL FROM inference_requests"
        with self.store.engine.connect() as connection:
            ((sources, outputs),) = connection.execute(text(question)).all()
        return bool(sources), bool(outputs)
