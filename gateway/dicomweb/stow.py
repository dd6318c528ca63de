"""One batch of files by STOW-RS, and what became of each (PS3.18 section 10.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.dicomweb.multipart import multipart_body
from gateway.dicomweb.query import DICOM_JSON, holds_instance
from gateway.dicomweb.store_answer import StoreAnswer, parse_store_answer
from gateway.dicomweb.verdicts import (
    already_there,
    failed_outcome,
    may_be_there,
    raise_for_status,
    stored_outcome,
    unavailable,
    unnamed_outcome,
)
from gateway.errors import PeerUnavailable
from gateway.web.client import Client, HttpAnswer, HttpRequest


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What is known after a batch. Nothing is known of `unnamed` files: send each alone.

    Where the batch was `too_large`, that is all of them, and smaller batches may be taken.
    """

    outcomes: Sequence[tuple[Part10File, StoreOutcome]] = ()
    unnamed: Sequence[Part10File] = ()
    too_large: bool = False


def store_batch(client: Client, files: Sequence[Part10File]) -> BatchResult:
    """Store `files`, of different SOP Instance UIDs, with one request. A file that is sent alone gets its outcome.

    Raises PeerUnavailable and PeerRefused where the request as a whole was not served: then nothing is known of any
    file; and Damaged where one can't be read.
    """
    answer = client.ask(HttpRequest("POST", "studies", DICOM_JSON, multipart_body(files)))
    raise_for_status(client.service, answer)
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _too_large(client, answer, files)
    if not answer.whole:
        raise PeerUnavailable(f"the answer of {client.service} was cut off (HTTP {answer.status})")
    named = parse_store_answer(answer.body)
    outcomes, unnamed = [], []
    for file in files:
        outcome = _named_outcome(client, answer.status, named, file)
        if outcome is None and len(files) == 1:
            outcome = _outcome_alone(client, answer.status, named, file)
        if outcome is None:
            unnamed.append(file)
        else:
            outcomes.append((file, outcome))
    return BatchResult(outcomes, unnamed)


def _too_large(client: Client, answer: HttpAnswer, files: Sequence[Part10File]) -> BatchResult:
    if "Retry-After" in answer.headers:  # so it is a passing condition (RFC 9110 section 15.5.14)
        raise unavailable(client.service, answer, "can't take that much just now")
    if len(files) == 1:
        return BatchResult([(files[0], unnamed_outcome(answer.status, files[0]))])
    return BatchResult(unnamed=files, too_large=True)


def _named_outcome(client: Client, status: int, named: StoreAnswer, file: Part10File) -> StoreOutcome | None:
    if file.sop_instance_uid in named.stored:
        return stored_outcome(named.stored[file.sop_instance_uid])
    if file.sop_instance_uid in named.failed:
        return _failed(client, status, named.failed[file.sop_instance_uid], file)
    return None


def _outcome_alone(client: Client, status: int, named: StoreAnswer, file: Part10File) -> StoreOutcome:
    """A failure without a UID can only mean the one file that was sent."""
    if named.unnamed_failures:
        return _failed(client, status, named.unnamed_failures[0], file)
    if may_be_there(status, None):
        return _looked_for(client, file, None, otherwise=unnamed_outcome(status, file))
    return unnamed_outcome(status, file)


def _failed(client: Client, status: int, failure_reason: int | None, file: Part10File) -> StoreOutcome:
    outcome = failed_outcome(failure_reason)
    if may_be_there(status, failure_reason):
        return _looked_for(client, file, failure_reason, otherwise=outcome)
    return outcome


def _looked_for(
    client: Client, file: Part10File, failure_reason: int | None, *, otherwise: StoreOutcome
) -> StoreOutcome:
    """Ask whether the service has the instance already. What is known of the rest of a batch must not be lost here."""
    try:
        return already_there(failure_reason) if holds_instance(client, file) else otherwise
    except PeerUnavailable as error:
        return StoreOutcome(Outcome.TRANSIENT, str(error), failure_reason)
