"""What a DICOMweb service's answer means (PS3.18 section 10.5.3, RFC 9110 section 15).

The HTTP status judges the request; of the instances in it only what the answer names is known. Nothing that a service
says in its own words goes into a reason: it may name a patient.
"""

from collections.abc import Mapping
from http import HTTPStatus

from pydicom.uid import UID

from gateway.dicom.part10_file import Part10File
from gateway.dicom.status_codes import PROCESSING_FAILURE, WARNINGS
from gateway.dicom.store_outcome import Outcome, StoreOutcome, outcome_of_status
from gateway.errors import PeerUnavailable
from gateway.web import statuses
from gateway.web.client import HttpAnswer
from gateway.web.service import Service
from gateway.web.statuses import HttpStatus, spoken_for

_SAYS: Mapping[int, str] = {HTTPStatus.NOT_ACCEPTABLE: "does not answer in DICOM JSON"}

# Azure's own: the codes of Failure Reason that its conformance statement adds to those of the Standard.
_AZURE_ALREADY_THERE = 45070
_AZURE_IN_THE_MAKING = 45071


def raise_for_status(service: Service, answer: HttpAnswer) -> None:
    """Raise PeerRefused or PeerUnavailable where the HTTP status speaks for the whole request."""
    error = spoken_for(service, _status(answer), _SAYS)
    if error is not None:
        raise error


def unavailable(service: Service, answer: HttpAnswer, why: str) -> PeerUnavailable:
    """Return the error for a service that may serve later, and perhaps says when."""
    return statuses.unavailable(service, _status(answer), why)


def stored_outcome(warning_reason: int | None) -> StoreOutcome:
    """The outcome of an instance that the answer names as stored. A Warning Reason is a remark, whatever its code."""
    if not warning_reason:
        return StoreOutcome(Outcome.STORED)
    known = outcome_of_status(warning_reason)
    reason = known.reason if known.is_stored else f"stored, with a warning ({warning_reason:04X})"
    return StoreOutcome(Outcome.STORED_WITH_REMARK, reason, warning_reason)


def failed_outcome(failure_reason: int | None) -> StoreOutcome:
    """The outcome of an instance that the answer names as failed."""
    if failure_reason == _AZURE_ALREADY_THERE:
        return already_there(failure_reason)
    if failure_reason == _AZURE_IN_THE_MAKING:
        return StoreOutcome(Outcome.TRANSIENT, f"another request is storing it ({failure_reason:04X})", failure_reason)
    if failure_reason is None:
        return StoreOutcome(Outcome.FINAL, "refused, without a reason")
    outcome = outcome_of_status(failure_reason)
    if outcome.outcome is Outcome.STORED or failure_reason in WARNINGS:
        return StoreOutcome(Outcome.FINAL, f"refused, with an unknown reason ({failure_reason:04X})", failure_reason)
    return outcome


def already_there(failure_reason: int | None) -> StoreOutcome:
    """The outcome of an instance that the service would not store, since it has one with this UID."""
    code = "" if failure_reason is None else f" ({failure_reason:04X})"
    return StoreOutcome(Outcome.STORED_WITH_REMARK, f"already there{code}", failure_reason)


def may_be_there(status: int, failure_reason: int | None) -> bool:
    """Whether a failure may mean that the service has the instance: Google's duplicates are a 409 with reason 0110,
    and so is what it can't read."""
    if failure_reason is None:
        return status == HTTPStatus.CONFLICT
    return failure_reason == PROCESSING_FAILURE


def unnamed_outcome(status: int, file: Part10File) -> StoreOutcome:
    """The outcome of an instance that was sent alone, and that the answer does not name."""
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        syntax = UID(file.transfer_syntax_uid).name
        return StoreOutcome(Outcome.FINAL, f"its media type or transfer syntax, {syntax}, is not taken (HTTP {status})")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return StoreOutcome(Outcome.FINAL, f"its {file.bytes} bytes are more than is taken (HTTP {status})")
    if 200 <= status < 300:
        return StoreOutcome(Outcome.FINAL, f"the answer (HTTP {status}) does not name it as stored")
    if status >= 500:
        return StoreOutcome(Outcome.TRANSIENT, f"the service failed (HTTP {status})")
    return StoreOutcome(Outcome.FINAL, f"refused (HTTP {status})")


def _status(answer: HttpAnswer) -> HttpStatus:
    return HttpStatus(answer.status, answer.headers.get("Retry-After"))
