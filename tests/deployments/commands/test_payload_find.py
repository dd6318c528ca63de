"""`mig payload find`: by what a person has of a study."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from gateway.associations.store import AssociationStore
from gateway.config import Settings
from gateway.lookup.digests import LookupKey
from gateway.lookup.key import key_to_keep_with
from gateway.payloads.index import opened_payload_index
from gateway.payloads.payload import Payload
from gateway.spool.area import scp_area
from gateway.spool.node import read_node
from tests.deployments.commands.mig import Mig, MigHere, used_site
from tests.deployments.payloads import made_payload, put_into_ready, with_lookups
from tests.gateway.associations.records import stored
from tests.gateway.receiving.scene import Scene as Spool

SENT = {"accession": b"ACC-1", "patient": b"P1", "issuer": b"H"}


class Scene:
    """A site whose receiver has run, without processes."""

    def __init__(self, directory: Path) -> None:
        self.mig = MigHere(directory)
        self.settings = Settings(data_dir=used_site(directory))
        self.node_id = read_node(self.settings.paths.spool).node_id
        self.key = self._key()

    def _key(self) -> LookupKey:
        key = key_to_keep_with(self.settings)
        assert key
        return key

    def announced(self, payload: Payload) -> UUID:
        with opened_payload_index(self.settings.database_url) as index:
            index.record(payload)
            index.note_announced(payload.payload_id, payload.closed)
        return payload.payload_id

    def found(self, *options: str) -> set[str]:
        finished = self.mig("payload", "find", "--json", *options)
        assert finished.exit_code == 0, finished.errors
        return {row["id"] for row in finished.rows}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def announced_one(scene: Scene) -> str:
    return str(scene.announced(with_lookups(made_payload(scene.node_id), scene.key, **SENT)))


def ready_one(scene: Scene) -> str:
    payload = with_lookups(made_payload(scene.node_id), scene.key, **SENT)
    return str(put_into_ready(scp_area(scene.settings.paths.spool), payload))


def open_one(scene: Scene) -> str:
    sender = Spool(scene.settings.paths.spool).associate()
    sender.send(accession="ACC-1", patient="P1", issuer="H")
    (group,) = sender.intake.intake.open_groups()
    return str(group.payload_id)


@pytest.mark.parametrize("made", [announced_one, ready_one, open_one])
def test_it_is_found_wherever_it_is(scene: Scene, made: Callable[[Scene], str]) -> None:
    there = made(scene)
    assert scene.found("--accession", "ACC-1") == {there}
    assert scene.found("--patient", "P1") == {there}
    assert scene.found("--patient", "P1", "--issuer", "H", "--accession", "ACC-1", "--source", "CT01") == {there}
    assert scene.found("--patient", "P1", "--issuer", "I") == set()
    assert scene.found("--accession", "ACC-1", "--source", "CT02") == set()


def test_list_and_find_are_one(scene: Scene) -> None:
    there = announced_one(scene)
    scene.announced(with_lookups(made_payload(scene.node_id), scene.key, accession=b"ACC-2"))
    asked = ("--accession", "ACC-1", "--json")
    assert scene.mig("payload", "list", *asked).rows == scene.mig("payload", "find", *asked).rows
    assert scene.found("--accession", "ACC-1") == {there}


def test_it_is_found_by_the_address_that_fed_it(scene: Scene) -> None:
    indexed, ready = announced_one(scene), ready_one(scene)
    with opened_payload_index(scene.settings.database_url) as index:
        record = stored(address="10.1.0.17", payload_ids=(UUID(indexed), UUID(ready)))
        AssociationStore(index.work.engine).take_in([record], scene.node_id)
    assert scene.found("--source", "10.1.0.17") == {indexed, ready}
    assert scene.found("--source", "10.1.0.18") == set()


def test_what_was_taken_in_before_is_said_not_to_have_been_searched(scene: Scene) -> None:
    announced_one(scene)
    finished = scene.mig("payload", "find", "--accession", "ACC-1")
    assert finished.errors == "1\n"
    scene.announced(made_payload(scene.node_id))
    finished = scene.mig("payload", "find", "--accession", "ACC-2")
    assert finished.errors.startswith("none\nnot all was searched: of payloads that were closed until ")
    assert scene.mig("payload", "find", "--study", "1.2.3").errors == "2\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--accession", " "), "what is looked for is empty"), (("--issuer", "H"), "an issuer without a Patient ID")],
)
def test_what_can_not_be_asked_is_wrong_usage(scene: Scene, options: tuple[str, ...], said: str) -> None:
    finished = scene.mig("payload", "find", *options)
    assert finished.exit_code == 2
    assert said in finished.errors


def test_switched_off_it_is_one_line(scene: Scene) -> None:
    off = MigHere(scene.mig.directory, {"MIG_INDEX__LOOKUP": "false"})
    finished = off("payload", "find", "--accession", "ACC-1")
    assert (finished.exit_code, finished.output) == (2, "")
    assert finished.errors == (
        "index.lookup is false: nothing is kept to find payloads by Accession Number or Patient ID\n"
    )
    assert off("payload", "list").exit_code == 0


def test_what_is_asked_for_stands_on_no_command_line_where_it_is_typed(scene: Scene) -> None:
    there = announced_one(scene)
    shell = Mig(scene.mig.directory)
    finished = shell("payload", "find", "--json", "--accession", "-", "--patient", "-", typed="ACC-1\nP1\n")
    assert [row["id"] for row in finished.rows] == [there]
