"""`mig association` and `GET /associations` tell the same of who came, and of who was refused."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from gateway.associations.record import AssociationRecord, ContextRecord, ContextResult
from gateway.associations.store import AssociationStore
from gateway.config import Settings
from gateway.node_context import NodeContext
from listeners.api.app import create_app
from listeners.api.routes.associations import associations_routes
from tests.databases import empty_database
from tests.deployments.commands.mig import MigHere
from tests.gateway.associations.records import CT, EXPLICIT_LITTLE, MWL, SECOND_NS, rejected, still_open, stored
from tests.listeners.api.serving import serving

NODE = UUID(int=7)
SERVED = stored(
    1,
    association_id=UUID("aaaaaaaa-0000-4000-8000-000000000001"),
    contexts=(
        ContextRecord(MWL, ContextResult.NO_ABSTRACT_SYNTAX, name="Modality Worklist"),
        ContextRecord(CT, ContextResult.ACCEPTED, EXPLICIT_LITTLE, "CT Image Storage"),
    ),
    contexts_proposed=2,
    reason="not served here: Modality Worklist",
    payload_ids=(UUID(int=1), UUID(int=2)),
    statuses={"0000": 3, "A700": 1},
    refused=1,
)
REFUSED = rejected(2, association_id=UUID("bbbbbbbb-0000-4000-8000-000000000002"), times=1000)
LATER = stored(3600, association_id=UUID("cccccccc-0000-4000-8000-000000000003"), called_ae="OTHER")

OPEN = still_open(1800, association_id=UUID("dddddddd-0000-4000-8000-000000000004"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "var")
    empty_database(settings.paths.database)
    return settings


@pytest.fixture
def node(settings: Settings) -> Iterator[NodeContext]:
    with closing(NodeContext(settings)) as node:
        AssociationStore(node.database).take_in([SERVED, REFUSED, LATER], NODE)
        yield node


@pytest.fixture
def api(node: NodeContext) -> Iterator[httpx.Client]:
    with serving(create_app(node.settings.api, [associations_routes(node)])) as client:
        yield client


@pytest.fixture
def mig(node: NodeContext, tmp_path: Path) -> MigHere:
    return MigHere(tmp_path)


def columns(line: str) -> list[str]:
    """What stands in a line of a table: cells are at least two spaces apart."""
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def ids(*records: AssociationRecord) -> list[str]:
    return [str(record.association_id) for record in records]


def test_the_list_says_who_came_the_newest_first_and_how_many_there_are(mig: MigHere) -> None:
    listed = mig("association", "list")
    head, *rows = listed.output.splitlines()
    titles = ["ID", "OUTCOME", "CALLING AE", "CALLED AE", "ADDRESS", "ENDED", "TIMES", "STORED", "REFUSED", "REASON"]
    assert [title.partition(" (")[0] for title in columns(head)] == titles
    assert [columns(row)[0] for row in rows] == ids(LATER, REFUSED, SERVED)
    refused = columns(rows[1])
    assert refused[1:5] == ["rejected", "CT02", "MIG", "10.1.0.99"]
    assert refused[6:] == ["1000", "0", "0", REFUSED.reason]
    assert listed.errors == "3\n"


def test_a_page_says_how_to_see_more(mig: MigHere) -> None:
    assert mig("association", "list", "--limit", "2").errors == "2 of 3; more: --page 2\n"
    assert mig("association", "list", "--limit", "2", "--page", "2").errors == "1 of 3\n"


SINCE = datetime.fromtimestamp(LATER.began_ns / SECOND_NS, UTC).isoformat()


@pytest.mark.parametrize(
    ("options", "parameters", "found"),
    [
        ([], {}, [LATER, REFUSED, SERVED]),
        (["--refused"], {"refused": "true"}, [REFUSED, SERVED]),
        (["--ae", "OTHER"], {"ae": "OTHER"}, [LATER]),
        (["--source", "CT02"], {"source": "CT02"}, [REFUSED]),
        (["--source", "10.1.0.99"], {"source": "10.1.0.99"}, [REFUSED]),
        (["--payload", str(UUID(int=2))], {"payload": str(UUID(int=2))}, [SERVED]),
        (["--since", SINCE], {"since": SINCE}, [LATER]),
        (["--limit", "1", "--page", "2"], {"limit": "1", "page": "2"}, [REFUSED]),
    ],
)
def test_a_list_is_narrowed_alike_on_the_command_line_and_over_http(
    mig: MigHere, api: httpx.Client, options: list[str], parameters: dict[str, str], found: list[AssociationRecord]
) -> None:
    rows = mig("association", "list", "--json", *options).rows
    answer = api.get("/associations", params=parameters)
    assert [row["id"] for row in rows] == [row["id"] for row in answer.json()["associations"]] == ids(*found)
    assert answer.json()["total"] == (3 if "page" in parameters else len(found))


def test_since_is_a_time_or_how_long_ago(mig: MigHere) -> None:
    assert len(mig("association", "list", "--json", "--since", "9999d").rows) == 3
    assert mig("association", "list", "--json", "--since", "2h").rows == []
    for text in ("yesterday", "999999d"):
        wrong = mig("association", "list", "--since", text)
        assert wrong.exit_code == 2
        assert "neither a time" in wrong.errors


def test_one_is_shown_with_its_contexts_statuses_and_payloads(mig: MigHere) -> None:
    about, contexts = (part.splitlines() for part in mig("association", "show", "aaaa").output.split("\n\n"))
    assert {tuple(columns(line)) for line in about} >= {
        ("outcome", "released"),
        ("reason", "not served here: Modality Worklist"),
        ("statuses", "3 times 0000, 1 time A700"),
        ("payloads", f"{UUID(int=1)}, {UUID(int=2)}"),
    }
    assert columns(contexts[0]) == ["RESULT", "NAME", "ABSTRACT SYNTAX", "TRANSFER SYNTAX"]
    assert columns(contexts[1]) == ["abstract-syntax-not-supported", "Modality Worklist", MWL]
    assert columns(contexts[2]) == ["accepted", "CT Image Storage", CT, EXPLICIT_LITTLE]


@pytest.mark.parametrize("record", [SERVED, REFUSED, LATER], ids=["served", "refused", "later"])
def test_list_show_and_api_tell_the_same_of_each(mig: MigHere, api: httpx.Client, record: AssociationRecord) -> None:
    (association_id,) = ids(record)
    shown = mig("association", "show", association_id, "--json").rows
    (listed,) = [row for row in mig("association", "list", "--json").rows if row["id"] == association_id]
    over_http = api.get(f"/associations/{association_id}").json()
    assert listed == shown
    assert without_times(over_http) == without_times(shown)
    assert {name: datetime.fromisoformat(over_http[name]) for name in ("began", "ended")} == {
        name: datetime.fromisoformat(shown[name]) for name in ("began", "ended")
    }


def without_times(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in {"began", "ended"}}


def test_an_id_that_none_has_is_told(mig: MigHere, api: httpx.Client) -> None:
    refused = mig("association", "show", "ffffffff")
    assert (refused.exit_code, refused.errors) == (1, "no association has an id that begins with ffffffff\n")
    answer = api.get(f"/associations/{UUID(int=9)}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert api.get("/associations", params={"since": "yesterday"}).status_code == 400


def test_one_that_is_open_has_no_end_yet(mig: MigHere, api: httpx.Client, node: NodeContext) -> None:
    AssociationStore(node.database).renew([OPEN], NODE)
    (row,) = mig("association", "list", "--open", "--json").rows
    answer = api.get("/associations", params={"open": "true"}).json()
    assert answer["total"] == 1
    (over_http,) = answer["associations"]
    assert [row["id"], over_http["id"]] == ids(OPEN, OPEN)
    assert (row["outcome"], row["ended"], row["stored"]) == ("open", None, 3)
    assert (over_http["outcome"], over_http["ended"], over_http["stored"]) == ("open", None, 3)
    assert [row["id"] for row in mig("association", "list", "--json").rows] == ids(LATER, OPEN, REFUSED, SERVED)
    assert "dddddddd-0000-4000-8000-000000000004" in mig("association", "list", "--open").output
