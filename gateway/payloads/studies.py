"""Which studies a payload holds, so that it is found by the UID that a person has.

A Study Instance UID is no patient data. What is kept stays when the payload has left the spool.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, ForeignKey, Index, Integer, String, Table, Uuid, insert, select

from gateway.database import metadata
from gateway.payloads.payload import Instance, Payload

studies = Table(
    "payload_studies",
    metadata,
    Column("payload_id", Uuid, ForeignKey("payloads.payload_id"), primary_key=True),
    Column("study_instance_uid", String(64), primary_key=True),
    Column("series", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("modalities", String(200), nullable=False),
    Index("payload_studies_by_uid", "study_instance_uid"),
)

_LONGEST_MODALITIES = 200


@dataclass(frozen=True, slots=True)
class PayloadStudy:
    """One study of a payload: how much of it there is. `modalities` are joined by a backslash, as DICOM does."""

    study_instance_uid: str
    series: int
    instances: int
    modalities: str


def studies_of(payload: Payload) -> list[PayloadStudy]:
    """Return the studies of a payload, in the order of their UIDs."""

    def uid(instance: Instance) -> str:
        return instance.study_instance_uid

    return [_study(study, list(instances)) for study, instances in groupby(sorted(payload.instances, key=uid), key=uid)]


def keep_studies(connection: Connection, payload: Payload) -> None:
    """Write down what a payload holds, together with its row."""
    rows = [asdict(study) | {"payload_id": payload.payload_id} for study in studies_of(payload)]
    if rows:
        connection.execute(insert(studies), rows)


def read_studies(connection: Connection, payload_ids: Sequence[UUID]) -> dict[UUID, tuple[PayloadStudy, ...]]:
    """Return the studies of each of these payloads; none for one that was taken in before studies were kept."""
    wanted = select(studies).where(studies.c.payload_id.in_(payload_ids)).order_by(studies.c.study_instance_uid)
    found: dict[UUID, tuple[PayloadStudy, ...]] = dict.fromkeys(payload_ids, ())
    for row in connection.execute(wanted):
        values: dict[str, Any] = dict(row._mapping)
        found[values.pop("payload_id")] += (PayloadStudy(**values),)
    return found


def _study(uid: str, instances: Sequence[Instance]) -> PayloadStudy:
    series = {instance.series_instance_uid for instance in instances}
    modalities = sorted({instance.modality for instance in instances if instance.modality})
    return PayloadStudy(uid, len(series), len(instances), "\\".join(_that_fit(modalities)))


def _that_fit(modalities: Sequence[str]) -> Iterator[str]:
    """There are a handful; a sender may make up more than a row can hold."""
    room = _LONGEST_MODALITIES
    for modality in modalities:
        room -= len(modality) + 1
        if room < 0:
            return
        yield modality
