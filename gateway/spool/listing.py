"""What lies on the spool, for people: read beside the owner, without its lock and without touching anything."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from gateway.clock import time_of
from gateway.dicom.identity import identify
from gateway.dicom.part10 import PREAMBLE_BYTES, FileMeta, read_head
from gateway.dicom.scanner import HeaderScanner
from gateway.errors import FromNewerProgram, InvalidDataSet
from gateway.payloads.payload import Instance, Payload
from gateway.spool.area import SpoolArea
from gateway.spool.preamble import Preamble, decode_preamble
from gateway.spool.record import instance_record

SpoolState = Literal["open", "ready", "done", "damaged", "newer"]

_HEADER_BYTES = 1024 * 1024


@dataclass(slots=True)
class SpooledPayload:
    """One payload as it lies on the spool. `since` is the time of its last instance, or of its closing."""

    id: str
    state: SpoolState
    called_ae: str
    calling_ae: str
    instances: int
    bytes: int
    since: datetime


def list_spool(area: SpoolArea) -> list[SpooledPayload]:
    """Everything that lies on the spool, the oldest first."""
    manifests = _read_manifests(area)
    found = [*manifests.payloads, *_open(area, manifests), *_damaged(area)]
    return sorted(found, key=lambda payload: payload.since)


def instances_of(area: SpoolArea, payload_id: UUID) -> list[Instance]:
    """The instances of a payload that is closed or open. Raises FileNotFoundError where the spool has none of it."""
    try:
        return list(area.read(payload_id).instances)
    except FileNotFoundError:
        found = [
            read_instance(area, path, preamble)
            for path, preamble in committed_files(area)
            if preamble.payload_id == payload_id
        ]
        if not found:
            raise
        return found


def instance_rows(area: SpoolArea, payload_id: str) -> list[dict[str, object]]:
    """What is known of each instance of a payload; of damaged ones no more than their files."""
    rows = [
        {"file": str(path.relative_to(area.root)), "bytes": path.stat().st_size}
        for path in sorted((area.damaged / payload_id).glob("*"))
    ]
    try:
        instances = instances_of(area, UUID(payload_id))
    except (FileNotFoundError, ValueError):
        return rows
    known = [each.model_dump(mode="json") for each in instances]
    return [row | {"received": time_of(each.received_ns)} for row, each in zip(known, instances, strict=True)] + rows


def committed_files(area: SpoolArea) -> Iterator[tuple[Path, Preamble]]:
    """The files in `incoming/` whose preamble verifies, and that no manifest lists, or might."""
    return _not_listed(area, _read_manifests(area))


@dataclass(frozen=True, slots=True)
class _Manifests:
    """What the manifests say, each read once and none of them kept: there may be as many as an outage was long."""

    payloads: list[SpooledPayload] = field(default_factory=list)
    files: set[str] = field(default_factory=set)  # that they list
    left_alone: set[UUID] = field(default_factory=set)  # a newer program wrote them


def _read_manifests(area: SpoolArea) -> _Manifests:
    found = _Manifests()
    for payload_id in (*area.ready_ids(), *area.done_ids()):
        try:
            payload = area.read(payload_id)
        except FileNotFoundError:
            continue  # announced and deleted meanwhile
        except FromNewerProgram:
            found.left_alone.add(payload_id)
            found.payloads.append(SpooledPayload(str(payload_id), "newer", "", "", 0, 0, area.since(payload_id)))
        else:
            found.files.update(instance.file for instance in _all_instances(payload))
            found.payloads.append(_closed(area, payload))
    return found


def _not_listed(area: SpoolArea, manifests: _Manifests) -> Iterator[tuple[Path, Preamble]]:
    for path, preamble in files_in_incoming(area, manifests.files):
        if preamble.payload_id not in manifests.left_alone:
            yield path, preamble


def files_in_incoming(area: SpoolArea, but: Container[str] = frozenset()) -> Iterator[tuple[Path, Preamble]]:
    """The files in `incoming/` whose preamble verifies, `but` those."""
    for path in sorted(area.incoming.glob("*/*.dcm")):
        if str(path.relative_to(area.root)) in but:
            continue
        try:
            with path.open("rb") as file:
                preamble = decode_preamble(file.read(PREAMBLE_BYTES))
        except FileNotFoundError:
            continue  # its association ended meanwhile
        if preamble is not None:
            yield path, preamble


def _all_instances(payload: Payload) -> Iterator[Instance]:
    yield from payload.instances
    yield from (superseded.instance for superseded in payload.superseded)


def _closed(area: SpoolArea, payload: Payload) -> SpooledPayload:
    origin = payload.instances[0].origin
    return SpooledPayload(
        str(payload.payload_id),
        area.state(payload.payload_id) or "done",
        origin.destination,
        origin.source,
        len(payload.instances),
        payload.bytes,
        payload.closed,
    )


def _open(area: SpoolArea, manifests: _Manifests) -> Iterator[SpooledPayload]:
    groups: dict[UUID, SpooledPayload] = {}
    for path, preamble in _not_listed(area, manifests):
        received = time_of(preamble.received_ns)
        group = groups.get(preamble.payload_id)
        if group is None:
            meta = _meta(path)
            group = groups[preamble.payload_id] = SpooledPayload(
                str(preamble.payload_id), "open", meta.called_ae, meta.calling_ae, 0, 0, received
            )
        group.instances += 1
        group.bytes += preamble.length_bytes
        group.since = max(group.since, received)
    yield from groups.values()


def _damaged(area: SpoolArea) -> Iterator[SpooledPayload]:
    for directory in area.damaged.glob("*/"):
        files = [path.stat() for path in directory.iterdir()]
        if files:
            since = datetime.fromtimestamp(max(file.st_mtime for file in files), UTC)
            yield SpooledPayload(
                directory.name, "damaged", "", "", len(files), sum(file.st_size for file in files), since
            )


def _meta(path: Path) -> FileMeta:
    with path.open("rb") as file:
        return read_head(file)


def read_instance(area: SpoolArea, path: Path, preamble: Preamble) -> Instance:
    """Return what a committed file is. Raises FileNotFoundError, InvalidDataSet."""
    return read_header(area, path, preamble)[0]


def read_header(area: SpoolArea, path: Path, preamble: Preamble) -> tuple[Instance, Mapping[int, bytes]]:
    """The same, with the values of the HeaderScanner that it was told by."""
    with path.open("rb") as file:
        meta = read_head(file)
        scanner = HeaderScanner(meta.transfer_syntax_uid)
        scanner.feed(file.read(_HEADER_BYTES))
    try:
        identity = identify(scanner.values, "0020,000D")
    except InvalidDataSet as error:
        raise InvalidDataSet(f"{path.relative_to(area.root)}: {error}") from error
    return instance_record(path, preamble, meta, identity), scanner.values
