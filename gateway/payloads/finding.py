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
    """Some of what is wanted: those of which this all holds. `by_age`: in this order an index has them.

    `fed`: what has to hold of how they were fed, where that is how they are found.
    """

    conditions: Sequence[ColumnElement[bool]]
    by_age: tuple[ColumnElement[Any], ColumnElement[Any]] = (payloads.c.closed, payloads.c.payload_id)
    fed: Sequence[ColumnElement[bool]] = ()

    def and_also(self, *conditions: ColumnElement[bool]) -> "Alternative":
        return replace(self, conditions=[*self.conditions, *conditions])

    def closed_within(self, since: datetime | None, until: datetime | None) -> "Alternative":
        closed = self.by_age[0]
        bounds = [*([] if since is None else [closed >= since]), *([] if until is None else [closed < until])]
        return replace(self, fed=[*self.fed, *bounds]) if self.fed else self.and_also(*bounds)

    @property
    def all(self) -> Sequence[ColumnElement[bool]]:
        """What has to hold of rows of both tables, where both are asked."""
        joined = [addresses.c.payload_id == payloads.c.payload_id] if self.fed else []
        return [*self.fed, *joined, *self.conditions]


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
    found = [each.closed_within(wanted.since, wanted.until) for each in found]
    return [each.and_also(*_conditions(wanted)) for each in found]


def page_of(some: Alternative, limit: int, after: PayloadRow | None) -> Select[Any]:
    """Ask for the newest of them, from the one that follows `after`."""
    question = select(payloads).where(*some.all).order_by(*(each.desc() for each in some.by_age)).limit(limit)
    return question if after is None else question.where(tuple_(*some.by_age) < (after.closed, after.payload_id))


def count_of(some: Alternative) -> Select[Any]:
    """Ask how many they are. Where nothing but their feeding matters no payload is looked at."""
    if some.fed and not some.conditions:
        return select(func.count()).select_from(addresses).where(*some.fed)
    return select(func.count()).select_from(payloads).where(*some.all)


def _of_source(wanted: PayloadFilter, source: str) -> Iterator[Alternative]:
    """By title, and by address: in the order of the addresses, unless there is something that few have."""
    column, of = payloads.c, addresses.c
    from_there = select(of.payload_id).where(of.address == source)
    yield Alternative([column.calling_ae == source, column.payload_id.not_in(from_there)])
    if wanted.study or wanted.lookups or wanted.announced is False:
        yield Alternative([is_fed_from(column.payload_id, source)])
        return
    yield Alternative([], (of.closed, of.payload_id), fed=[of.address == source, of.closed.is_not(None)])
    # Which no index has: else one of all payloads would be walked for these few, some of which are open.
    closed = func.coalesce(of.closed, column.closed)
    unsaid = [of.address == source, of.closed.is_(None), of.payload_id == column.payload_id]
    yield Alternative(unsaid, (closed, column.payload_id))


def _conditions(wanted: PayloadFilter) -> Iterator[ColumnElement[bool]]:
    column = payloads.c
    if wanted.announced:  # nearly all are: this is not what an index is to be chosen by
        yield column.state.not_in(_NOT_ANNOUNCED)
    if wanted.study:
        yield column.payload_id.in_(select(studies.c.payload_id).where(studies.c.study_instance_uid == wanted.study))
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
