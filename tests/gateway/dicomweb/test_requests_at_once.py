"""Several requests on their way at a time: none is forgotten, and no other begins after one that failed."""

import threading
from pathlib import Path

import pytest

from gateway.dicom.part10_file import Part10File
from gateway.dicomweb.store import BatchLimits
from gateway.errors import Damaged, PeerRefused, PeerUnavailable
from gateway.store_outcome import Outcome
from tests.gateway.dicomweb.raw_service import Conversation, answering, raw_service, store_response
from tests.gateway.dicomweb.sending import send
from tests.gateway.part10_files import write_files

PAIRS = BatchLimits(most_files=2)
FIRST, SECOND = ["1.2.3.1", "1.2.3.2"], ["1.2.3.3", "1.2.3.4"]


@pytest.fixture
def files(tmp_path: Path) -> list[Part10File]:
    return write_files(tmp_path, 8)


class Together:
    """Answers one request only when another is there, which is stored."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2, timeout=30)

    def storing(self, conversation: Conversation) -> None:
        conversation.read_body()
        self._both.wait()
        conversation.answer(200, store_response(stored=conversation.names))

    def resetting(self, conversation: Conversation) -> None:
        conversation.read_body()
        self._both.wait()
        conversation.reset()

    def refusing(self, conversation: Conversation) -> None:
        conversation.read_body()
        self._both.wait()
        conversation.answer(401)


def test_two_are_on_their_way_and_outcomes_come_in_the_order_of_the_files(files: list[Part10File]) -> None:
    with raw_service(Together().storing) as service:
        sending = send(service.client(), files, PAIRS, at_once=2)
    assert sending.error is None
    assert sending.stored == [file.sop_instance_uid for file in files]
    assert sorted(service.sent) == sorted(sending.stored)


@pytest.mark.parametrize(("failing", "error"), [("resetting", PeerUnavailable), ("refusing", PeerRefused)])
def test_what_is_on_its_way_when_another_fails_is_waited_for_and_no_more_is_sent(
    files: list[Part10File], failing: str, error: type[Exception]
) -> None:
    together = Together()
    with raw_service(getattr(together, failing), together.storing) as service:
        sending = send(service.client(), files, PAIRS, at_once=2)
    assert isinstance(sending.error, error)
    assert sorted(service.sent) == FIRST + SECOND
    assert len(sending.stored) == 2
    in_doubt = [name for name, outcome in sending.outcomes.items() if outcome.outcome is Outcome.TRANSIENT]
    assert len(in_doubt) == (2 if error is PeerUnavailable else 0)


def test_a_stop_waits_for_what_is_on_its_way(files: list[Part10File]) -> None:
    stopping, together = threading.Event(), Together()

    def storing(conversation: Conversation) -> None:
        stopping.set()
        together.storing(conversation)

    with raw_service(storing) as service:
        sending = send(service.client(), files, PAIRS, stopping, at_once=2)
    assert (sending.stored, sending.error) == (FIRST + SECOND, None)


def test_batches_that_are_too_large_are_all_sent_in_smaller_ones(files: list[Part10File]) -> None:
    def at_most_two(conversation: Conversation) -> None:
        conversation.read_body()
        if len(conversation.parts) > 2:
            conversation.answer(413)
        else:
            conversation.answer(200, store_response(stored=conversation.names))

    with raw_service(at_most_two) as service:
        sending = send(service.client(), files, BatchLimits(most_files=4), at_once=2)
    assert (sorted(sending.stored), sending.error) == ([file.sop_instance_uid for file in files], None)


def test_a_service_that_can_store_nothing_now_is_left_alone(files: list[Part10File]) -> None:
    with raw_service(answering(503)) as service:
        sending = send(service.client(), files, PAIRS, at_once=2)
    assert isinstance(sending.error, PeerUnavailable)
    assert sorted(service.sent) == FIRST + SECOND


def test_a_damaged_file_does_not_lose_the_outcomes_of_others(files: list[Part10File]) -> None:
    with files[1].path.open("r+b") as file:
        file.truncate(files[1].bytes - 10)
    with raw_service() as service:
        sending = send(service.client(), files, PAIRS, at_once=2)
    assert isinstance(sending.error, Damaged)
    assert sending.stored == SECOND
    assert service.sent == SECOND
