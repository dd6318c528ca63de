"""Which payloads somebody looks for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select

from gateway.associations.tables import fed_from
from gateway.payloads.lookups import has_one_of, is_found_by
from gateway.payloads.payload import Payload
from gateway.payloads.rows import Dispatch, payloads, row_of
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


def alternatives(wanted: PayloadFilter) -> list[list[ColumnElement[bool]]]:
    """The same for a query of the table, as sets of conditions that exclude each other: an index answers each."""
    column, sets = payloads.c, [list(_conditions(wanted))]
    if wanted.announced is False:
        sets = [[column.state == state, *others] for state in _NOT_ANNOUNCED for others in sets]
    if wanted.ae is not None:
        sets = _either(column.called_ae == wanted.ae, column.calling_ae == wanted.ae, sets)
    if wanted.source is not None:
        sets = _either(column.calling_ae == wanted.source, fed_from(wanted.source, column.payload_id), sets)
    return sets


def _either(
    one: ColumnElement[bool], other: ColumnElement[bool], sets: Iterable[list[ColumnElement[bool]]]
) -> list[list[ColumnElement[bool]]]:
    return [each for others in sets for each in ([one, *others], [other, ~one, *others])]


def _conditions(wanted: PayloadFilter) -> Iterator[ColumnElement[bool]]:
    column = payloads.c
    if wanted.announced:  # nearly all are: this is not what an index is to be chosen by
        yield column.state.not_in(_NOT_ANNOUNCED)
    if wanted.study:
        yield column.payload_id.in_(select(studies.c.payload_id).where(studies.c.study_instance_uid == wanted.study))
    if wanted.since:
        yield column.closed >= wanted.since
    if wanted.until:
        yield column.closed < wanted.until
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
