"""What would become of each file that is sent."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from gateway.associations.contexts import refusal_of
from gateway.config import ApplicationEntitySettings
from gateway.dicom.dictionary import name_of
from gateway.dicom.identity import check_unambiguous, read_header
from gateway.dicom.part10 import PREAMBLE_BYTES, FileMeta, encode_head
from gateway.dicom.part10_file import Part10File
from gateway.errors import InvalidDataSet
from gateway.operations.foreseeing.foreseen import Fate, ForeseenFile
from gateway.payloads.payload import Instance
from gateway.receiving.answers import SUCCESS, answer_to_ignored, is_ignored, status_of
from gateway.receiving.placing import Place, place
from gateway.registry.admission import answer_context
from gateway.spool.area import INCOMING
from gateway.spool.preamble import Preamble
from gateway.spool.record import instance_record

_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that would be stored, and the group that it belongs to."""

    part10: Part10File
    meta: FileMeta
    place: Place

    def instance(self, number: int) -> Instance:
        """What a manifest would say of it, as the how manieth that came; its checksum is known only then."""
        length_bytes = PREAMBLE_BYTES + len(encode_head(self.meta)) + self.part10.data_set_bytes
        preamble = Preamble(length_bytes, 0, _NOBODY, self.place.key, number)
        return instance_record(f"{INCOMING}/{_NOBODY}/{number}.dcm", preamble, self.meta, self.place.identity)

    def told(self, payload: int) -> ForeseenFile:
        """What is told of it, with the number of its payload."""
        return _told(self.part10, Fate.STORED, "", SUCCESS.code, payload)


def foreseen_file(file: Path, calling_ae: str, entity: ApplicationEntitySettings) -> StoredFile | ForeseenFile:
    """Return the file as it would be stored or, where it would not be, what would become of it."""
    try:
        part10 = Part10File.at(file)
    except InvalidDataSet as error:
        return ForeseenFile(file, Fate.UNREADABLE, str(error))
    except OSError as error:
        return ForeseenFile(file, Fate.UNREADABLE, f"it can't be read: {error.strerror}")
    context = answer_context(part10.sop_class_uid, (part10.transfer_syntax_uid,))
    if not context.is_accepted:
        return _told(part10, Fate.REFUSED, refusal_of([context]))
    if is_ignored(entity, part10.sop_class_uid):
        return _ignored(part10, entity)
    return _placed(part10, calling_ae, entity)


def _ignored(part10: Part10File, entity: ApplicationEntitySettings) -> ForeseenFile:
    is_listed = part10.sop_class_uid in entity.ignored_sop_classes
    why = "its SOP class is one of ignored_sop_classes" if is_listed else "its SOP class is none of allowed_sop_classes"
    fate = Fate.REFUSED if entity.refuse_ignored else Fate.IGNORED
    return _told(part10, fate, why, answer_to_ignored(entity).code)


def _placed(part10: Part10File, calling_ae: str, entity: ApplicationEntitySettings) -> StoredFile | ForeseenFile:
    uids = (part10.sop_class_uid, part10.sop_instance_uid, part10.transfer_syntax_uid)
    meta = FileMeta(*uids, calling_ae, entity.ae_title)
    try:
        return StoredFile(part10, meta, place(_values(part10), meta, entity))
    except InvalidDataSet as error:
        status = status_of(error)
        return _told(part10, Fate.REFUSED, status.comment, status.code)


def _values(part10: Part10File) -> dict[int, bytes]:
    """Return what a receiver has read of the data set when it has seen enough."""
    with part10.path.open("rb") as file:
        file.seek(part10.data_set_offset)
        scan = read_header(file, part10.transfer_syntax_uid)
    check_unambiguous(scan)
    return scan.values


def _told(
    part10: Part10File, fate: Fate, reason: str, status: int | None = None, payload: int | None = None
) -> ForeseenFile:
    return ForeseenFile(
        file=part10.path,
        fate=fate,
        reason=reason,
        status="" if status is None else f"{status:04X}",
        sop_class_uid=part10.sop_class_uid,
        sop_class=name_of(part10.sop_class_uid),
        transfer_syntax_uid=part10.transfer_syntax_uid,
        payload=payload,
    )
