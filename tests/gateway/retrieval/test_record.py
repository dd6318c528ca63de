"""What a working area becomes: a payload that is found by what a person has of its studies."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.inference.row import RequestRow
from gateway.inference.store import RequestStore, opened_request_store
from gateway.lookup.digests import LookupKind
from gateway.payloads.payload import Payload
from gateway.retrieval.record import payload_of
from tests.databases import empty_database
from tests.gateway.dicomweb.faulty_archive import FaultyArchive, faulty_archive, study
from tests.gateway.inference.store_scene import NOW
from tests.gateway.lookup.keys import lookup_key, values
from tests.gateway.retrieval.scene import Node, study_of


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "areas")


@pytest.fixture
def archive() -> Iterator[FaultyArchive]:
    with faulty_archive(*study(patient="SMITH-1970")) as archive:
        yield archive


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RequestStore]:
    with opened_request_store(empty_database(tmp_path / "gateway.db")) as store:
        yield store


def record(node: Node, row: RequestRow) -> Payload:
    with node.areas.open(row.request_id, 9) as area:
        return payload_of(row, area, uuid4(), NOW, partial=False)


def accepted(node: Node, store: RequestStore, archive: FaultyArchive) -> RequestRow:
    row = store.find(store.accept(node.submit(study_of(archive.url)), None, NOW))
    assert row
    return row


def test_it_is_found_as_what_is_received_is(node: Node, store: RequestStore, archive: FaultyArchive) -> None:
    row, node.lookup_key = accepted(node, store, archive), lookup_key()
    node.retrieve(study_of(archive.url))
    lookups = record(node, row).lookups
    assert lookups
    assert lookups.key == node.lookup_key.fingerprint
    assert set(lookups.digests) == node.lookup_key.lookups(values(patient=b"SMITH-1970"))
    assert [kind for kind, _ in lookups.digests] == [LookupKind.PATIENT]


def test_nothing_that_was_digested_can_be_read_in_its_area(node: Node, archive: FaultyArchive) -> None:
    node.lookup_key = lookup_key()
    node.retrieve(study_of(archive.url))
    index = next(iter(node.root.rglob("index"))).read_text()
    assert "patient" in index
    assert "SMITH" not in index


def test_without_a_key_it_says_that_nobody_looked(node: Node, store: RequestStore, archive: FaultyArchive) -> None:
    row = accepted(node, store, archive)
    node.retrieve(study_of(archive.url))
    assert record(node, row).lookups is None


def test_where_the_key_has_changed_between_two_tries_nobody_has_looked_at_all_of_it(
    node: Node, store: RequestStore, archive: FaultyArchive
) -> None:
    """Then a search says that it was not searched, in place of saying that it is not there."""
    row, node.lookup_key = accepted(node, store, archive), lookup_key()
    more = [archive.held.pop() for _ in range(3)]
    assert node.retrieve(study_of(archive.url)).fetched == 3
    archive.held.extend(more)
    node.lookup_key = lookup_key()
    assert node.retrieve(study_of(archive.url), epoch=2).fetched == 6
    assert record(node, row).lookups is None
