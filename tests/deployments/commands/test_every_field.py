"""What a ledger holds of a piece of work is shown, on the command line and over HTTP, or is said here to be internal.

Every column is filled with a value that nothing else has, which has to stand in each answer.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from sqlalchemy import Boolean, Column, Engine, Integer, Table, Uuid, insert, update

from gateway.acr.submission import read_submission
from gateway.associations.tables import associations
from gateway.config import Settings
from gateway.database import UtcDateTime, open_database
from gateway.exports.tables import exports
from gateway.inference.acceptance import RequestAcceptance
from gateway.inference.store import RequestStore
from gateway.inference.tables import requests
from gateway.node_context import NodeContext
from gateway.sources.outcome import OUTCOME, RetrievalOutcome, SourceOutcome
from listeners.api.app import create_app
from listeners.api.routes.associations import associations_routes
from listeners.api.routes.exports import exports_routes
from listeners.api.routes.inference import inference_routes
from tests.deployments.commands.mig import MigHere
from tests.gateway.acr.requests import as_body, inference_request
from tests.listeners.api.serving import serving

OF_ASSOCIATIONS = {"refuses"}
OF_EXPORTS = {"problem", "fencing_token"}
OF_REQUESTS = {"content", "had_credentials", "waiting_since", "fencing_token", "attempt", "uploaded"} | {
    *("sources_sealed", "outputs_sealed", "outputs_until")
}
"""Columns that nobody is shown: what keeps two runs apart, what is on its way, and credentials."""

_SEALED = {"sources_sealed", "outputs_sealed"}
_BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_OUTCOME = RetrievalOutcome((SourceOutcome(3, 7001, 7002, 7003, "an error"),), (), ("a remark",))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "var")


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    settings.data_dir.mkdir()
    engine = open_database(settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def api(engine: Engine, settings: Settings) -> Iterator[httpx.Client]:
    acceptance = RequestAcceptance(RequestStore(engine), settings, None)
    with closing(NodeContext(settings)) as node:
        routes = [associations_routes(node), exports_routes(node), inference_routes(acceptance, settings)]
        with serving(create_app(settings.api, routes)) as client:
            yield client


@pytest.fixture
def mig(tmp_path: Path) -> MigHere:
    return MigHere(tmp_path)


def filled(table: Table) -> dict[str, Any]:
    """A value for each column, by its type."""
    return {column.key: _value(column, 1000 + number) for number, column in enumerate(table.columns)}


def _value(column: Column[Any], number: int) -> object:
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Uuid):
        return uuid5(UUID(int=0), column.key)
    if isinstance(column.type, Integer):
        return number
    if isinstance(column.type, UtcDateTime):
        return _BEGAN + timedelta(days=number)
    return f"the {column.key}"


def assert_shown(answer: Any, values: dict[str, Any]) -> None:
    told = set(_leaves(answer))
    assert {name for name, value in values.items() if told.isdisjoint(_spellings(value))} == set()


def _spellings(value: object) -> set[object]:
    if isinstance(value, datetime):
        return {str(value), value.isoformat(), value.isoformat().replace("+00:00", "Z")}
    return {value} if isinstance(value, (bool, int)) else {str(value)}


def _leaves(answer: Any) -> Iterator[object]:
    inner = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else None
    if inner is None:
        yield answer
    for each in inner or ():
        yield from _leaves(each)


def test_every_field_of_an_export_is_shown_everywhere(engine: Engine, mig: MigHere, api: httpx.Client) -> None:
    values = filled(exports) | {"state": "partial", "origin": "operator"}
    with engine.begin() as connection:
        connection.execute(insert(exports).values(values))
    shown = {name: value for name, value in values.items() if name not in OF_EXPORTS}
    export_id = str(values["export_id"])
    assert_shown(mig("export", "list", "--json").rows, shown)
    assert_shown(mig("export", "show", export_id, "--json").rows, shown)
    assert_shown(api.get("/exports").json(), shown)
    assert_shown(api.get(f"/exports/{export_id}").json(), shown)


def test_every_field_of_a_request_is_shown_everywhere(engine: Engine, mig: MigHere, api: httpx.Client) -> None:
    submission = read_submission(as_body(inference_request() | {"priority": 200}), allow_credentials_over_http=False)
    request_id = RequestStore(engine).accept(submission, None, _BEGAN)
    kept = {"request_id": request_id, "transaction_id": "T-1", "priority": 200, "state": "running"}
    values = filled(requests) | kept | {"outcome": OUTCOME.dump_json(_OUTCOME).decode()}
    written = {name: value for name, value in values.items() if name not in {"content", *_SEALED}}
    with engine.begin() as connection:
        connection.execute(update(requests).values(written))
    shown = {name: value for name, value in values.items() if name not in OF_REQUESTS | {"outcome"}}
    shown |= {"found": 7001, "fetched": 7002, "bytes": 7003, "error": "an error", "remark": "a remark"}
    assert_shown(mig("inference", "list", "--json").rows, shown)
    assert_shown(mig("inference", "show", str(request_id), "--json").rows, shown)
    assert_shown(api.get("/inference").json(), shown)
    assert_shown(api.get("/inference/status/T-1").json(), shown)


def test_every_field_of_an_association_is_shown_everywhere(engine: Engine, mig: MigHere, api: httpx.Client) -> None:
    context = {"abstract_syntax": "1.2.3", "result": "accepted", "transfer_syntax": "1.2.4", "name": "a name"}
    held = {"contexts": [context], "statuses": {"A700": 7001}}
    values = filled(associations) | {"outcome": "timed-out"} | held
    with engine.begin() as connection:
        connection.execute(insert(associations).values(values))
    shown = {name: value for name, value in values.items() if name not in OF_ASSOCIATIONS | set(held)}
    shown |= context | {"A700": 7001}
    association_id = str(values["association_id"])
    assert_shown(mig("association", "list", "--json").rows, shown)
    assert_shown(mig("association", "show", association_id, "--json").rows, shown)
    assert_shown(api.get("/associations").json(), shown)
    assert_shown(api.get(f"/associations/{association_id}").json(), shown)


@pytest.mark.parametrize(
    ("table", "internal"),
    [(associations, OF_ASSOCIATIONS), (exports, OF_EXPORTS), (requests, OF_REQUESTS)],
    ids=["associations", "exports", "requests"],
)
def test_what_is_said_to_be_internal_is_there(table: Table, internal: set[str]) -> None:
    assert internal <= set(table.columns.keys())
