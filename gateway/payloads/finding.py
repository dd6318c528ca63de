"""Which payloads somebody looks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from gateway.payloads.addresses import addresses, is_fed_from
from gateway.payloads.lookups import has_one_of, is_found_by
from gateway.payloads.payload import Payload
from gateway.payloads.rows import Dispatch, PayloadRow, payloads, row_of
from gateway.payloads.studies import studies


@dataclass(frozen=True, slots=True)
class PayloadFilter:
    """Which payloads are meant: what is None does not matter. `ae` is the calling or the called AE title; `since` and
    `until` bound the time of closing, the latter excluded. `source` is the calling AE title, or the address of an
    association; of each set in `lookups` a payload has one digest.
    """

    study: str | None = None  # Study Instance UID
    ae: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    closed_by: str | None = None
    announced: bool | None = None
    source: str | None = None
    lookups: tuple[frozenset[str], ...] = ()


EVERY_PAYLOAD = PayloadFilter()

_NOT_ANNOUNCED = [state for state in Dispatch if state is not Dispatch.ANNOUNCED]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Some of what is wanted: those of which this all holds. `by_age`: in this order an index has them."""

    conditions: Sequence[ColumnElement[bool]]
    by_age: tuple[ColumnElement[Any], ColumnElement[Any]] = (payloads.c.closed, payloads.c.payload_id)

    def and_also(self, *conditions: ColumnElement[bool]) -> "Alternative":
        return replace(self, conditions=[*self.conditions, *conditions])


def alternatives(wanted: PayloadFilter) -> list[Alternative]:
    """The same for a query of the table, as sets of conditions that exclude each other: an index answers each."""
    column, found = payloads.c, [Alternative([])]
    if wanted.source is not None:
        found = list(_of_source(wanted, wanted.source))
    if wanted.announced is False:
        found = [each.and_also(column.state == state) for state in _NOT_ANNOUNCED for each in found]
    if wanted.ae is not None:
        called, calling = column.called_ae == wanted.ae, column.calling_ae == wanted.ae
        # Beside a source no index is chosen by it: to look for both apart would be to look through all of the source.
        either = [[called | calling]] if wanted.source else [[called], [calling, ~called]]
        found = [each.and_also(*one) for each in found for one in either]
    return [each.and_also(*_conditions(wanted, each.by_age[0])) for each in found]


def page_of(some: Alternative, limit: int, after: PayloadRow | None) -> Select[Any]:
    """Ask for the newest of them, from the one that follows `after`."""
    question = select(payloads).where(*some.conditions).order_by(*(each.desc() for each in some.by_age)).limit(limit)
    return question if after is None else question.where(tuple_(*some.by_age) < (after.closed, after.payload_id))


def _of_source(wanted: PayloadFilter, source: str) -> Iterator[Alternative]:
    """By title, and by address: in the order of the addresses, unless there is something that few have."""
    column, of = payloads.c, addresses.c
    from_there = select(of.payload_id).where(of.address == source)
    yield Alternative([column.calling_ae == source, column.payload_id.not_in(from_there)])
    if wanted.study or wanted.lookups or wanted.announced is False:
        yield Alternative([is_fed_from(column.payload_id, source)])
        return
    fed = Alternative([of.address == source, of.payload_id == column.payload_id])
    yield replace(fed.and_also(of.closed.is_not(None)), by_age=(of.closed, of.payload_id))
    # Which no index has: else one of all payloads would be walked for these few.
    closed = func.coalesce(of.closed, column.closed)
    yield replace(fed.and_also(of.closed.is_(None)), by_age=(closed, column.payload_id))


def _conditions(wanted: PayloadFilter, closed: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
    column = payloads.c
    if wanted.announced:  # nearly all are: this is not what an index is to be chosen by
        yield column.state.not_in(_NOT_ANNOUNCED)
    if wanted.study:
        yield column.payload_id.in_(select(studies.c.payload_id).where(studies.c.study_instance_uid == wanted.study))
    if wanted.since:
        yield closed >= wanted.since
    if wanted.until:
        yield closed < wanted.until
    if wanted.closed_by:
        yield column.closed_by == wanted.closed_by
    for digests in wanted.lookups:
        yield has_one_of(digests)


def fits(payload: Payload, wanted: PayloadFilter) -> bool:
    """The same of a payload that has no row yet, but for its source."""
    row = row_of(payload)
    return (
        not wanted.announced
        and wanted.study in {None, *(instance.study_instance_uid for instance in payload.instances)}
        and wanted.ae in {None, row.called_ae, row.calling_ae}
        and (wanted.since is None or row.closed >= wanted.since)
        and (wanted.until is None or row.closed < wanted.until)
        and wanted.closed_by in {None, row.closed_by}
        and is_found_by(payload, wanted.lookups)
    )
