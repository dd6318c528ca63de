"""The index of received payloads, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, Select, text, update

from gateway.associations.record import AssociationRecord
from gateway.associations.store import AssociationStore
from gateway.clock import time_of
from gateway.database import open_database
from gateway.errors import DatabaseUnavailable, SettingsError
from gateway.lookup.digests import Identifiers
from gateway.payloads.addresses import addresses
from gateway.payloads.finding import PayloadFilter, alternatives, page_of
from gateway.payloads.index import PayloadIndex, opened_payload_index
from gateway.payloads.payload import Payload
from gateway.payloads.rows import Dispatch, PayloadRow, row_of
from gateway.payloads.studies import PayloadStudy
from tests.deployments.payloads import made_payload, with_lookups
from tests.gateway.associations.records import BEGAN_NS, stored
from tests.gateway.lookup.keys import lookup_key
from tests.peers.postgresql import PostgreSQL

NODE = uuid4()
KEY = lookup_key()
NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/gateway.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.url(server.new_database(), "psycopg")


@pytest.fixture
def index(url: str) -> Iterator[PayloadIndex]:
    with opened_payload_index(url) as index:
        yield index


def test_a_recorded_payload_is_read_back_as_it_was(index: PayloadIndex) -> None:
    payload = made_payload(NODE, instances=3)
    row = index.record(payload)
    assert index.row(payload.payload_id) == row
    assert (row.called_ae, row.calling_ae, row.instances, row.bytes) == ("MIG", "CT01", 3, 3 * 525_000)
    assert (row.closed, row.state, row.attempt, row.flow_run_id) == (payload.closed, Dispatch.RECORDED, 1, None)


def test_a_payload_recorded_again_keeps_what_is_known_of_it(index: PayloadIndex) -> None:
    payload, run_id = made_payload(NODE), uuid4()
    index.record(payload)
    index.work.note_run(payload.payload_id, 2, run_id)
    row = index.record(payload)
    assert (row.attempt, row.flow_run_id, row.state) == (2, run_id, Dispatch.DISPATCHED)


def test_an_announced_payload_is_no_longer_open(index: PayloadIndex) -> None:
    ours, announced, elsewhere = made_payload(NODE), made_payload(NODE), made_payload(uuid4())
    for payload in (ours, announced, elsewhere):
        index.record(payload)
    index.note_announced(announced.payload_id, NOW, NOW - timedelta(seconds=1))
    assert [row.payload_id for row in index.open_rows(NODE)] == [ours.payload_id]
    row = index.row(announced.payload_id)
    assert row
    assert (row.state, row.announced) == (Dispatch.ANNOUNCED, NOW)
    assert row.uploaded == NOW - timedelta(seconds=1)


def test_the_newest_payloads_come_first_page_by_page(index: PayloadIndex) -> None:
    payloads = [made_payload(NODE).model_copy(update={"closed": NOW + timedelta(hours=n)}) for n in range(5)]
    for payload in payloads:
        index.record(payload)
    index.note_announced(payloads[4].payload_id, NOW)
    newest = [payload.payload_id for payload in reversed(payloads)]
    assert found(index, limit=2) == newest[:2]
    assert found(index, limit=2, after=index.row(newest[1])) == newest[2:4]
    assert found(index, announced=False) == newest[1:]
    assert found(index, announced=True) == newest[:1]


def test_a_page_goes_on_where_the_last_one_ended_though_payloads_came_in(index: PayloadIndex) -> None:
    payloads = [made_payload(NODE).model_copy(update={"closed": NOW}) for _ in range(4)]  # all at the same moment
    for payload in payloads:
        index.record(payload)
    first = found(index, limit=2)
    index.record(made_payload(NODE).model_copy(update={"closed": NOW + timedelta(hours=1)}))
    rest = found(index, after=index.row(first[-1]))
    assert {*first, *rest} == {payload.payload_id for payload in payloads}
    assert len(first) + len(rest) == 4


def test_payloads_are_found_by_study_ae_title_time_and_what_closed_them(index: PayloadIndex) -> None:
    early = made_payload(NODE, calling="CT01").model_copy(update={"closed": NOW})
    late = made_payload(NODE, calling="MR01", called="OTHER").model_copy(
        update={"closed": NOW + timedelta(hours=1), "closed_by": "max_instances"}
    )
    late = late.model_copy(update={"instances": (late.instances[0].model_copy(update={"study_instance_uid": "1.9"}),)})
    for payload in (early, late):
        index.record(payload)
    assert found(index, study="1.2.3") == [early.payload_id]
    assert found(index, study="1.9") == [late.payload_id]
    assert found(index, study="1.2") == []
    assert found(index, ae="MR01") == found(index, ae="OTHER") == [late.payload_id]
    assert found(index, since=NOW + timedelta(minutes=1)) == [late.payload_id]
    assert found(index, until=NOW + timedelta(hours=1)) == [early.payload_id]
    assert found(index, closed_by="quiet", ae="CT01") == [early.payload_id]
    assert index.count(PayloadFilter(ae="MIG")) == 1
    assert index.count() == 2


def test_what_is_not_announced_is_found_whatever_else_it_is(index: PayloadIndex) -> None:
    recorded, waiting, announced = received = [made_payload(NODE) for _ in range(3)]
    for payload in received:
        index.record(payload)
    index.note_wait(waiting.payload_id, [], NOW, NOW)
    index.note_announced(announced.payload_id, NOW)
    assert set(found(index, announced=False)) == {recorded.payload_id, waiting.payload_id}
    assert found(index, announced=True) == [announced.payload_id]
    assert (index.count(PayloadFilter(announced=False)), index.count(PayloadFilter(announced=True))) == (2, 1)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (PayloadFilter(announced=False), "payloads_by_state (state=?)"),
        (PayloadFilter(announced=True, source="CT01"), "payloads_by_calling_ae (calling_ae=?)"),
        (PayloadFilter(ae="MIG", source="CT01"), "payloads_by_calling_ae (calling_ae=?)"),
    ],
)
def test_of_years_of_payloads_only_the_few_that_are_not_announced_are_looked_at(
    tmp_path: Path, wanted: PayloadFilter, chosen: str
) -> None:
    assert chosen in str(plans(tmp_path, wanted)[0])


@pytest.mark.parametrize(
    "more", [{}, {"announced": True}, {"ae": "MIG"}, {"since": NOW}, {"until": NOW}, {"closed_by": "quiet"}]
)
def test_what_an_address_has_fed_is_walked_in_order_and_no_more_of_it_than_a_page(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    for after in (None, row_of(made_payload(NODE))):
        walked = plans(tmp_path, PayloadFilter(source="10.1.0.17", **more), after)
        by_address = [
            plan for plan in walked if "payload_addresses_by_closing" in str(plan) and "LIST" not in str(plan)
        ]
        assert len(by_address) == 2
        for plan in by_address:
            assert (
                "payload_addresses USING COVERING INDEX payload_addresses_by_closing (address=? AND closed" in plan[0]
            )
            assert "payloads USING INDEX sqlite_autoindex_payloads_1 (payload_id=?)" in plan[1]
            assert "B-TREE" not in str(plan) or "(address=? AND closed=?)" in plan[0], (
                "only what has no closing is sorted"
            )


@pytest.mark.parametrize("more", [{"study": "1.2.3"}, {"announced": False}, {"lookups": (frozenset({"d"}),)}])
def test_where_few_are_meant_what_an_address_has_fed_is_not_walked(tmp_path: Path, more: dict[str, Any]) -> None:
    for plan in plans(tmp_path, PayloadFilter(source="10.1.0.17", **more)):
        assert "payload_addresses_by_closing (address=? AND closed" not in str(plan)


def plans(tmp_path: Path, wanted: PayloadFilter, after: PayloadRow | None = None) -> list[list[str]]:
    """How each question for a page is answered, step by step."""
    engine = open_database(f"sqlite:///{tmp_path}/gateway.db")
    questions = [literal(page_of(each, 20, after), engine) for each in alternatives(wanted)]
    with engine.connect() as connection:
        found = [connection.execute(text(f"EXPLAIN QUERY PLAN {each}")).all() for each in questions]
    engine.dispose()
    return [[step.detail for step in plan] for plan in found]


def literal(question: Select[Any], engine: Engine) -> str:
    return str(question.compile(engine, compile_kwargs={"literal_binds": True}))


def test_what_a_payload_holds_is_kept_study_by_study(index: PayloadIndex) -> None:
    payload = made_payload(NODE, instances=3)
    one, two, three = payload.instances
    mixed = (one, two.model_copy(update={"modality": "SR", "series_instance_uid": "1.2.3.9"}))
    other = three.model_copy(update={"study_instance_uid": "1.10", "modality": ""})
    index.record(payload.model_copy(update={"instances": (*mixed, other)}))
    (held,) = index.studies([payload.payload_id]).values()
    assert held == (PayloadStudy("1.10", 1, 1, ""), PayloadStudy("1.2.3", 2, 2, "CT\\SR"))
    assert index.studies([unknown := uuid4()]) == {unknown: ()}


def found(index: PayloadIndex, limit: int = 9, after: PayloadRow | None = None, **wanted: Any) -> list[UUID]:
    return [row.payload_id for row in index.newest(limit, PayloadFilter(**wanted), after)]


def test_a_payload_is_found_by_the_beginning_of_its_id(index: PayloadIndex) -> None:
    payload = made_payload(NODE)
    index.record(payload)
    index.record(made_payload(NODE))
    for beginning in (str(payload.payload_id), str(payload.payload_id)[:10], payload.payload_id.hex[:12].upper()):
        assert [row.payload_id for row in index.matching(beginning)] == [payload.payload_id]
    assert index.matching("%") == []
    assert len(index.matching("")) == 2


def test_a_commit_survives_a_power_cut(url: str) -> None:
    engine = open_database(url)
    question = "PRAGMA synchronous" if url.startswith("sqlite") else "SHOW synchronous_commit"
    with engine.connect() as connection:
        assert connection.execute(text(question)).scalar_one() in {2, "on"}
    engine.dispose()


def test_a_database_that_does_not_answer_may_be_tried_again() -> None:
    index = PayloadIndex(open_database("postgresql+psycopg://nobody:secret@127.0.0.1:9/none"))
    with pytest.raises(DatabaseUnavailable) as caught:
        index.newest(1)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "gateway.db", "oracle://host/db", "nonsense://host"])
def test_an_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match=r"database\.url"):
        open_database(url)


def test_a_payload_is_found_by_digests_of_what_a_person_has(index: PayloadIndex) -> None:
    there = with_lookups(made_payload(NODE), KEY, accession=b"ACC-1", patient=b"P1")
    other = with_lookups(made_payload(NODE), KEY, accession=b"ACC-2", patient=b"P1")
    for payload in (there, other):
        index.record(payload)
    assert found(index, lookups=KEY.asked(Identifiers("ACC-1"))) == [there.payload_id]
    assert found(index, lookups=KEY.asked(Identifiers("ACC-1", "P1"))) == [there.payload_id]
    assert found(index, lookups=KEY.asked(Identifiers("ACC-1", "P2"))) == []
    assert {*found(index, lookups=KEY.asked(Identifiers(patient_id="P1")))} == {there.payload_id, other.payload_id}
    assert index.count(PayloadFilter(lookups=KEY.asked(Identifiers("ACC-2")))) == 1


def test_it_is_known_until_when_payloads_are_not_found_by_a_key(index: PayloadIndex) -> None:
    keys = [lookup_key() for _ in range(4)]
    ours = keys[0].fingerprints + keys[2].fingerprints

    def record(payload: Payload, hour: int) -> None:
        index.record(payload.model_copy(update={"closed": NOW + timedelta(hours=hour)}))

    record(with_lookups(made_payload(NODE), keys[0], accession=b"ACC-1"), 5)
    record(with_lookups(made_payload(NODE), keys[2]), 6)  # which has nothing to be found by
    assert index.last_without_lookups(ours) is None
    record(made_payload(NODE), 1)
    assert index.last_without_lookups(ours) == NOW + timedelta(hours=1)
    for hour, other in enumerate(keys[1::2], 2):
        record(with_lookups(made_payload(NODE), other, accession=b"ACC-1"), hour)
        assert index.last_without_lookups(ours) == NOW + timedelta(hours=hour)


def test_payloads_are_found_by_who_sent_them(index: PayloadIndex) -> None:
    payload, other = made_payload(NODE, calling="CT01"), made_payload(NODE, calling="MR01")
    for each in (payload, other):
        index.record(each)
    record = stored(address="10.1.0.17", payload_ids=(payload.payload_id,))
    AssociationStore(index.work.engine).take_in([record], NODE)
    assert found(index, source="CT01") == found(index, source="10.1.0.17") == [payload.payload_id]
    assert found(index, source="10.1.0.18") == found(index, source="MIG") == []
    assert found(index, source="10.1.0.17", ae="MIG") == [payload.payload_id]
    assert found(index, source="10.1.0.17", ae="MR01") == []


def fed(index: PayloadIndex, address: str, *payloads: Payload) -> AssociationRecord:
    """It comes to be known that an association from there fed these."""
    record = stored(address=address, payload_ids=tuple(payload.payload_id for payload in payloads))
    AssociationStore(index.work.engine).take_in([record], NODE)
    return record


def hourly(count: int, **more: Any) -> list[Payload]:
    """The oldest first."""
    return [made_payload(NODE, **more).model_copy(update={"closed": NOW + timedelta(hours=n)}) for n in range(count)]


def test_payloads_of_an_address_come_page_by_page_though_others_are_fed_meanwhile(index: PayloadIndex) -> None:
    early, late = hourly(3), hourly(6)[3:]
    newest = [payload.payload_id for payload in reversed(early)]
    for payload in early:
        index.record(payload)
        fed(index, "10.1.0.17", payload)
    first = found(index, limit=2, source="10.1.0.17")
    for payload in late:
        fed(index, "10.1.0.17", payload)
        index.record(payload)
    assert first == newest[:2]
    assert found(index, source="10.1.0.17", after=index.row(first[-1])) == newest[2:]
    assert found(index, limit=3, source="10.1.0.17") == [payload.payload_id for payload in reversed(late)]


def test_an_address_is_known_before_the_payload_is_closed_or_after(index: PayloadIndex) -> None:
    before, after = hourly(2)
    fed(index, "10.1.0.17", before, after)
    assert index.is_fed_from(before.payload_id, "10.1.0.17"), "it is still open"
    assert found(index, source="10.1.0.17") == []
    index.record(before)
    index.record(after)
    fed(index, "10.1.0.18", after)
    assert found(index, source="10.1.0.17") == [after.payload_id, before.payload_id]
    assert found(index, source="10.1.0.18") == [after.payload_id]
    with index.work.engine.connect() as connection:
        assert None not in {row.closed for row in connection.execute(addresses.select())}


def test_a_closing_that_two_writers_have_missed_is_asked_of_the_payload(index: PayloadIndex) -> None:
    """One inserts the payload, the other the address, and neither sees what the other has not committed."""
    missed, other = hourly(2)
    for payload in (missed, other):
        index.record(payload)
    fed(index, "10.1.0.17", missed, other)
    with index.work.engine.begin() as connection:
        of_it = update(addresses).where(addresses.c.payload_id == missed.payload_id)
        connection.execute(of_it.values(closed=None))
    assert found(index, source="10.1.0.17") == [other.payload_id, missed.payload_id]
    assert found(index, source="10.1.0.17", after=index.row(other.payload_id)) == [missed.payload_id]
    assert found(index, source="10.1.0.17", until=other.closed) == [missed.payload_id]
    assert index.count(PayloadFilter(source="10.1.0.17")) == 2


def test_a_payload_that_several_have_fed_is_listed_once_under_each_of_them(index: PayloadIndex) -> None:
    """By several associations, of two addresses; and the title of its sender is that of an address."""
    (payload,) = hourly(1, calling="10.1.0.17")
    index.record(payload)
    for address in ("10.1.0.17", "10.1.0.17", "10.1.0.18"):
        fed(index, address, payload)
    for source in ("10.1.0.17", "10.1.0.18"):
        assert found(index, source=source) == [payload.payload_id]
        assert index.count(PayloadFilter(source=source)) == 1


def test_an_address_goes_together_with_all_else(index: PayloadIndex) -> None:
    early, late = hourly(2)
    other = early.model_copy(update={"payload_id": uuid4(), "closed_by": "operator"})
    for payload in (early, late, other):
        index.record(payload)
    fed(index, "10.1.0.17", early, late)
    index.note_announced(early.payload_id, NOW)
    first, last = [early.payload_id], [late.payload_id]

    def of_address(**wanted: Any) -> list[UUID]:
        there = found(index, source="10.1.0.17", **wanted)
        assert index.count(PayloadFilter(source="10.1.0.17", **wanted)) == len(there)
        return there

    assert of_address(announced=True) == of_address(until=late.closed) == first
    assert of_address(announced=False) == of_address(since=late.closed) == last
    assert of_address(study="1.2.3") == of_address(ae="MIG") == of_address(closed_by="quiet") == last + first
    assert of_address(study="1.9") == of_address(ae="MR01") == of_address(closed_by="operator") == []


def test_an_address_is_known_as_long_as_an_association_from_there_is(index: PayloadIndex) -> None:
    payload, store = made_payload(NODE), AssociationStore(index.work.engine)
    index.record(payload)
    of_it: dict[str, Any] = {"payload_ids": (payload.payload_id,)}
    old, again, other = stored(**of_it), stored(60, **of_it), stored(30, address="10.1.0.18", **of_it)
    store.take_in([old, again, other], NODE)
    for minute, known in ((0, ["10.1.0.17", "10.1.0.18"]), (0.6, ["10.1.0.17"]), (2, [])):
        store.remove_older(time_of(BEGAN_NS) + timedelta(minutes=minute, seconds=1))
        assert [each for each in ("10.1.0.17", "10.1.0.18") if found(index, source=each)] == known
