"""Associations in the database, on both kinds: kept once, found again, and gone when they are old."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, func, select

from gateway.associations.record import AssociationRecord, ContextRecord, ContextResult, Outcome
from gateway.associations.store import AssociationStore
from gateway.associations.tables import associations, payloads_fed
from gateway.clock import time_of
from gateway.database import open_database
from gateway.database.totals import read_totals
from gateway.operations.associations import AssociationListing, Wanted
from gateway.payloads.addresses import addresses
from tests.databases import empty_database
from tests.gateway.associations.records import (
    BEGAN_NS,
    CT,
    EXPLICIT_LITTLE,
    MWL,
    SECOND_NS,
    rejected,
    still_open,
    stored,
)
from tests.peers.postgresql import PostgreSQL

NODE = UUID(int=7)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = empty_database(tmp_path / "gateway.db")
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.url(server.new_database(), "psycopg")
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> AssociationStore:
    return AssociationStore(engine)


@pytest.fixture
def listing(engine: Engine) -> AssociationListing:
    return AssociationListing(engine, lambda: time_of(BEGAN_NS))


def ids(records: list[AssociationRecord]) -> list[UUID]:
    return [record.association_id for record in records]


def test_all_that_was_noted_is_shown(store: AssociationStore, listing: AssociationListing) -> None:
    contexts = (
        ContextRecord(MWL, ContextResult.NO_ABSTRACT_SYNTAX, name="Modality Worklist"),
        ContextRecord(CT, ContextResult.ACCEPTED, EXPLICIT_LITTLE, "CT Image Storage"),
    )
    record = stored(contexts=contexts, contexts_proposed=2, reason="not served here: Modality Worklist")
    store.take_in([record], NODE)
    view = listing.view(record.association_id)
    assert view is not None
    assert (view.id, view.outcome, view.node) == (record.association_id, "released", NODE)
    assert (view.calling_ae, view.called_ae, view.address) == ("CT01", "MIG", "10.1.0.17")
    assert (view.began, view.ended) == (time_of(record.began_ns), time_of(record.ended_ns))
    assert (view.stored, view.refused, view.bytes, view.statuses) == (3, 0, 1_500_000, {"0000": 3})
    assert (view.contexts_proposed, view.contexts_accepted, tuple(view.contexts)) == (2, 1, contexts)
    assert (view.reason, view.codes, view.times) == (record.reason, "", 1)
    assert view.payloads == list(record.payload_ids)
    assert listing.page(20) == listing.matching(str(view.id)[:8]) == [view]
    assert listing.view(uuid4()) is None


def test_what_comes_twice_is_kept_once_with_the_count_that_it_has_grown_to(
    store: AssociationStore, listing: AssociationListing
) -> None:
    once, refused = stored(), rejected()
    grown = rejected(30, association_id=refused.association_id, began_ns=refused.began_ns, times=12)
    store.take_in([once, refused], NODE)
    store.take_in([once, grown], NODE)
    store.take_in([refused], NODE)
    shown = {view.id: view for view in listing.page(20)}
    assert set(shown) == {once.association_id, refused.association_id}
    view = shown[refused.association_id]
    assert (view.times, view.began, view.ended) == (12, time_of(refused.began_ns), time_of(grown.ended_ns))


def test_a_list_has_pages_the_newest_first_and_says_how_many_there_are(
    store: AssociationStore, listing: AssociationListing
) -> None:
    records = [stored(number) for number in range(450)]
    store.take_in(records, NODE)
    assert [view.id for view in listing.page(2, 2)] == ids([records[447], records[446]])
    assert listing.count() == 450


def test_a_list_is_narrowed_by_all_that_is_given(store: AssociationStore, listing: AssociationListing) -> None:
    served, turned_away = stored(1), rejected(2)
    no_context = stored(3, contexts_accepted=0, stored=0, called_ae="OTHER")
    no_room = stored(4, refused=1, statuses={"0000": 2, "A700": 1})
    store.take_in([served, turned_away, no_context, no_room], NODE)

    def found(wanted: Wanted) -> list[UUID]:
        assert listing.count(wanted) == len(listing.page(20, 0, wanted))
        return [view.id for view in listing.page(20, 0, wanted)][::-1]

    assert found(Wanted()) == ids([served, turned_away, no_context, no_room])
    assert found(Wanted(refused=True)) == ids([turned_away, no_context, no_room])
    assert found(Wanted(called_ae="OTHER")) == ids([no_context])
    assert found(Wanted(source="CT02")) == found(Wanted(source="10.1.0.99")) == ids([turned_away])
    assert found(Wanted(payload_id=served.payload_ids[0])) == ids([served])
    assert found(Wanted(since=time_of(BEGAN_NS + 3 * SECOND_NS))) == ids([no_context, no_room])
    assert found(Wanted(refused=True, source="CT01", called_ae="MIG")) == ids([no_room])


def test_those_that_are_old_go_with_all_that_is_theirs(
    store: AssociationStore, listing: AssociationListing, engine: Engine
) -> None:
    old, new = [stored(number) for number in range(401)], stored(3600)
    store.take_in([*old, new], NODE)
    assert store.remove_older(time_of(BEGAN_NS) + timedelta(hours=1)) == 401
    assert [view.id for view in listing.page(20)] == [new.association_id]
    with engine.connect() as connection:
        left = [
            connection.execute(select(func.count()).select_from(each)).scalar_one()
            for each in (associations, payloads_fed, addresses)
        ]
    assert left == [1, 1, 1]
    assert store.remove_older(time_of(BEGAN_NS)) == 0


def test_one_is_shown_from_its_beginning_with_what_it_has_brought_so_far(
    store: AssociationStore, listing: AssociationListing
) -> None:
    first, second = UUID(int=1), UUID(int=2)
    record = still_open(payload_ids=(first,))
    store.renew([record], NODE)
    store.renew([replace(record, stored=5, statuses={"0000": 5}, payload_ids=(first, second))], NODE)
    (view,) = listing.page(20, wanted=Wanted(open=True))
    assert (view.outcome, view.began, view.ended) == (Outcome.OPEN, time_of(record.began_ns), None)
    assert (view.stored, view.statuses, view.payloads) == (5, {"0000": 5}, [first, second])
    ended = replace(record, outcome=Outcome.RELEASED, ended_ns=record.ended_ns + SECOND_NS, stored=6)
    store.take_in([ended], NODE)
    assert listing.count(Wanted(open=True)) == 0
    (view,) = listing.page(20)
    assert (view.outcome, view.ended, view.stored) == (Outcome.RELEASED, time_of(ended.ended_ns), 6)


def test_the_first_end_stands(store: AssociationStore, listing: AssociationListing) -> None:
    """The receiver was killed between journal and file: it is told to be open, and then cut, once more."""
    opened = still_open()
    released, cut = replace(opened, outcome=Outcome.RELEASED), replace(opened, outcome=Outcome.CUT)
    store.renew([opened], NODE)
    store.take_in([released, cut], NODE)
    store.renew([opened], NODE)
    store.take_in([cut], NODE)
    assert [view.outcome for view in listing.page(20)] == [Outcome.RELEASED]


def test_one_whose_end_is_lost_is_cut_where_it_was_last_known(
    store: AssociationStore, listing: AssociationListing
) -> None:
    lost, goes_on, elsewhere = still_open(), still_open(1), still_open(2)
    store.renew([elsewhere], UUID(int=8))
    store.renew([lost, goes_on], NODE)
    store.renew([goes_on], NODE)
    outcomes = {view.id: (view.outcome, view.reason, view.ended) for view in listing.page(20)}
    assert outcomes == {
        lost.association_id: (Outcome.CUT, "the receiver ended", time_of(lost.ended_ns)),
        goes_on.association_id: (Outcome.OPEN, "", None),
        elsewhere.association_id: (Outcome.OPEN, "", None),
    }


def test_one_that_nobody_tells_of_any_more_is_not_shown_as_if_all_were_well(
    store: AssociationStore, engine: Engine
) -> None:
    """Its node is gone with receiver and dispatcher; another shows it."""
    store.renew([still_open(reason="not served here: Modality Worklist")], NODE)

    def shown(after_seconds: int) -> tuple[Outcome, str, object]:
        now = time_of(BEGAN_NS + after_seconds * SECOND_NS)
        (view,) = AssociationListing(engine, lambda: now).page(20)
        return view.outcome, view.reason, view.ended

    assert shown(60) == (Outcome.OPEN, "not served here: Modality Worklist", None)
    silent = "not heard of since 2026-03-01T13:00:00+0000: do the receiver and the dispatcher of its node run?"
    assert shown(61) == (Outcome.OPEN, f"{silent}; not served here: Modality Worklist", None)


def counted(engine: Engine) -> dict[str, float]:
    """What the totals of the node have, by name and label."""
    return {" ".join((name, *labels)): count for (name, labels), count in read_totals(engine, NODE).items()}


def test_each_is_counted_once_when_it_ends_and_its_bytes_as_they_come(store: AssociationStore, engine: Engine) -> None:
    opened = still_open(bytes=1000)
    store.renew([opened], NODE)
    assert counted(engine) == {"received_bytes": 1000}
    store.renew([replace(opened, bytes=1500)], NODE)
    ended = replace(opened, bytes=1800, outcome=Outcome.RELEASED)
    for _ in range(2):
        store.take_in([ended, stored(bytes=200)], NODE)
    assert counted(engine) == {"associations released": 3, "received_bytes": 2200}


def test_refusals_are_counted_as_often_as_there_were(store: AssociationStore, engine: Engine) -> None:
    refused = rejected(times=3)
    for times in (3, 12, 5):
        store.take_in([replace(refused, times=times)], NODE)
    no_context = stored(contexts_accepted=0, stored=0, bytes=0)
    store.take_in([no_context], NODE)
    assert counted(engine) == {"associations rejected": 12, "associations released": 1, "associations_refused": 13}


def test_one_whose_end_is_lost_is_counted_as_cut(store: AssociationStore, engine: Engine) -> None:
    store.renew([still_open(bytes=10), still_open(bytes=10)], NODE)
    for _ in range(2):
        store.renew([], NODE)
    assert counted(engine) == {"associations cut": 2, "received_bytes": 20}


def test_what_was_counted_stays_when_the_rows_go(store: AssociationStore, engine: Engine) -> None:
    store.take_in([stored(), rejected()], NODE)
    before = counted(engine)
    assert store.remove_older(time_of(BEGAN_NS) + timedelta(days=1)) == 2
    assert counted(engine) == before != {}
