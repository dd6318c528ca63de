"""How a C-STORE is answered whose instance is not filed (PS3.4 section B.2.3)."""

from gateway.config import ApplicationEntitySettings
from gateway.dicom import status_codes as codes
from gateway.dimse.command import Status
from gateway.errors import GatewayError, InvalidDataSet, MismatchedDataSet, NoRoom

SUCCESS = Status(codes.SUCCESS)


def is_ignored(entity: ApplicationEntitySettings, sop_class_uid: str) -> bool:
    """Whether the application entity takes no instances of this class."""
    allowed = entity.allowed_sop_classes
    return sop_class_uid in entity.ignored_sop_classes or bool(allowed and sop_class_uid not in allowed)


def answer_to_ignored(entity: ApplicationEntitySettings) -> Status:
    """Return the status of an instance that is ignored."""
    refusal = Status(codes.SOP_CLASS_NOT_SUPPORTED, "this SOP class is not taken here")
    return refusal if entity.refuse_ignored else SUCCESS


def status_of(error: GatewayError) -> Status:
    """Return the status that tells the sender of `error`; its text never names a patient."""
    match error:
        case NoRoom():
            return Status(codes.OUT_OF_RESOURCES.start, "no storage left, send again later")
        case MismatchedDataSet():
            return Status(codes.DATA_SET_DOES_NOT_MATCH.start, str(error))
        case InvalidDataSet():
            return Status(codes.CANNOT_UNDERSTAND.start, str(error))
        case _:
            return Status(codes.PROCESSING_FAILURE, "the storage failed, send again later")
