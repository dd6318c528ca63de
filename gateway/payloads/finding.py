"""Which payloads somebody looks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select

from gateway.payloads.payload import Payload
from gateway.payloads.rows import Dispatch, payloads, row_of
from gateway.payloads.studies import studies


@dataclass(frozen=True, slots=True)
class PayloadFilter:
    """Which payloads are meant: what is None does not matter. `ae` is the calling or the called AE title; `since` and
    `until` bound the time of closing, the latter excluded.
    """

    study: str | None = None  # Study Instance UID
    ae: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    closed_by: str | None = None
    announced: bool | None = None


EVERY_PAYLOAD = PayloadFilter()


def alternatives(wanted: PayloadFilter) -> list[list[ColumnElement[bool]]]:
    """The same for a query of the table, as sets of conditions that exclude each other: an index answers each."""
    column, others = payloads.c, list(_conditions(wanted))
    if wanted.ae is None:
        return [others]
    called = column.called_ae == wanted.ae
    return [[called, *others], [column.calling_ae == wanted.ae, ~called, *others]]


def _conditions(wanted: PayloadFilter) -> Iterator[ColumnElement[bool]]:
    column = payloads.c
    if wanted.announced is not None:
        is_announced = column.state == Dispatch.ANNOUNCED
        yield is_announced if wanted.announced else ~is_announced
    if wanted.study:
        yield column.payload_id.in_(select(studies.c.payload_id).where(studies.c.study_instance_uid == wanted.study))
    if wanted.since:
        yield column.closed >= wanted.since
    if wanted.until:
        yield column.closed < wanted.until
    if wanted.closed_by:
        yield column.closed_by == wanted.closed_by


def fits(payload: Payload, wanted: PayloadFilter) -> bool:
    """The same of a payload that has no row yet."""
    row = row_of(payload)
    return (
        not wanted.announced
        and wanted.study in {None, *(instance.study_instance_uid for instance in payload.instances)}
        and wanted.ae in {None, row.called_ae, row.calling_ae}
        and (wanted.since is None or row.closed >= wanted.since)
        and (wanted.until is None or row.closed < wanted.until)
        and wanted.closed_by in {None, row.closed_by}
    )
