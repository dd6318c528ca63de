"""What a receiver has noted comes into the database, whatever is away meanwhile, and goes when it is old."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deployments.dispatcher.associations import KeptAssociations
from deployments.dispatcher.dispatcher_process import kept_associations
from gateway.associations.record import Outcome
from gateway.clock import time_of
from gateway.config import Settings
from gateway.database.totals import Series, read_totals
from gateway.errors import DatabaseUnavailable
from gateway.node_context import NodeContext
from gateway.operations.associations import AssociationListing, Wanted
from gateway.spool.area import scp_area
from gateway.spool.owner import owned
from tests.databases import empty_database
from tests.gateway.associations.records import BEGAN_NS, rejected, still_open, stored


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeContext]:
    settings = Settings(data_dir=tmp_path)
    empty_database(settings.paths.database)
    with closing(NodeContext(settings)) as node:
        yield node


@pytest.fixture
def receiver(node: NodeContext) -> Iterator[ExitStack]:
    """One that runs, until it is closed."""
    with ExitStack() as receiver:
        receiver.enter_context(owned(scp_area(node.settings.paths.spool).root))
        yield receiver


@pytest.fixture
def kept(node: NodeContext) -> KeptAssociations:
    return kept_associations(node)


def take(kept: KeptAssociations) -> bool:
    return asyncio.run(kept.take())


def test_what_the_receiver_has_noted_is_taken_once(kept: KeptAssociations, node: NodeContext) -> None:
    records = [stored(), rejected()]
    kept.journal.append(records)
    assert take(kept)
    assert not take(kept), "nothing is left"
    views = AssociationListing(node.database).page(20)
    assert {view.id for view in views} == {record.association_id for record in records}
    assert {view.node for view in views} == {node.node_id}


@pytest.mark.usefixtures("receiver")
def test_while_nobody_is_open_the_database_is_not_asked(kept: KeptAssociations, node: NodeContext) -> None:
    listing, association = AssociationListing(node.database), still_open(1)
    kept.journal.write_open([association])
    assert take(kept)
    assert listing.count(Wanted(open=True)) == 1
    kept.journal.write_open([])
    assert take(kept), "it is open no longer"
    assert listing.count(Wanted(open=True)) == 0
    assert not take(kept)


def test_what_a_receiver_that_is_gone_has_left_open_is_cut_once(
    kept: KeptAssociations, node: NodeContext, receiver: ExitStack
) -> None:
    listing = AssociationListing(node.database)
    released, left, unseen = still_open(), still_open(1, reason="not served here: x"), still_open(2)
    kept.journal.write_open([released, left])
    assert take(kept)
    assert listing.count(Wanted(open=True)) == 2
    kept.journal.write_open([released, replace(left, stored=5), unseen])
    kept.journal.append([replace(released, outcome=Outcome.RELEASED)])
    receiver.close()
    assert take(kept)
    assert {view.id: (view.outcome, view.reason, view.stored) for view in listing.page(20)} == {
        released.association_id: ("released", "", 3),
        left.association_id: ("cut", "the receiver ended; not served here: x", 5),
        unseen.association_id: ("cut", "the receiver ended", 3),
    }
    assert not take(kept), "that is known, and the file stays for the next receiver"
    counted = read_totals(node.database, node.node_id)
    assert (counted[Series("associations", ("released",))], counted[Series("associations", ("cut",))]) == (1, 2)


def test_one_of_the_next_receiver_is_open_though_it_began_as_the_last_was_found_to_be_gone(
    kept: KeptAssociations, node: NodeContext
) -> None:
    """It is named in the file after that was read: only who was read of is cut."""
    last, of_the_next = still_open(), still_open(1)
    kept.journal.write_open([last])
    root = scp_area(node.settings.paths.spool).root
    with ExitStack() as receiver:

        def starts_now() -> bool:
            runs = kept_associations(node).receives()
            receiver.enter_context(owned(root))
            kept.journal.write_open([of_the_next])
            return runs

        asyncio.run(replace(kept, receives=starts_now).take())
        asyncio.run(kept.take())
        outcomes = {view.id: view.outcome for view in AssociationListing(node.database).page(20)}
    assert outcomes == {last.association_id: Outcome.CUT, of_the_next.association_id: Outcome.OPEN}


def test_while_the_database_is_away_it_stays_in_the_journal(kept: KeptAssociations, node: NodeContext) -> None:
    database = node.settings.paths.database
    content = database.read_bytes()
    database.unlink()
    database.mkdir()
    records = [stored(number) for number in range(2)]
    for record in records:
        kept.journal.append([record])
        with pytest.raises(DatabaseUnavailable):
            take(kept)
    database.rmdir()
    database.write_bytes(content)
    assert take(kept)
    assert AssociationListing(node.database).count() == 2


def test_those_that_have_ended_for_longer_than_they_are_kept_go(node: NodeContext) -> None:
    now = time_of(BEGAN_NS) + timedelta(days=90)
    made = kept_associations(node)
    kept = KeptAssociations(made.journal, made.store, made.node_id, made.keep, made.receives, lambda: now)
    kept.store.take_in([stored(-60), stored(60)], node.node_id)
    asyncio.run(kept.remove_old())
    assert AssociationListing(node.database).count() == 1
