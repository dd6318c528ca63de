"""Several requests on their way at a time: none is forgotten, and no other begins after one that failed."""

import threading
from pathlib import Path

import pytest

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome
from gateway.dicomweb.store import BatchLimits
from gateway.errors import Damaged, PeerRefused, PeerUnavailable
from tests.gateway.dicomweb.raw_service import (
    Behave,
    Conversation,
    answer_stored,
    answering,
    raw_service,
    store_at_most_two,
    store_response,
)
from tests.gateway.dicomweb.sending import send
from tests.gateway.part10_files import write_files

PAIRS = BatchLimits(most_files=2)
FIRST, SECOND = ["1.2.3.1", "1.2.3.2"], ["1.2.3.3", "1.2.3.4"]


@pytest.fixture
def files(tmp_path: Path) -> list[Part10File]:
    return write_files(tmp_path, 8)


class Together:
    """Lets two requests come in whole before either is answered: that with the first files so, any other so.

    Which of two connections is accepted first is nobody's to say.
    """

    def __init__(self, answer_first: Behave, answer_other: Behave) -> None:
        self._answer_first = answer_first
        self._answer_other = answer_other
        self._both = threading.Barrier(2, timeout=30)

    def __call__(self, conversation: Conversation) -> None:
        conversation.read_body()
        self._both.wait()
        answer = self._answer_first if FIRST[0] in conversation.names else self._answer_other
        answer(conversation)


def refuse(conversation: Conversation) -> None:
    conversation.answer(401)


def fail_all(conversation: Conversation) -> None:
    """For now: out of resources."""
    conversation.answer(200, store_response(failed=[(name, 0xA700) for name in conversation.names]))


def find_too_large(conversation: Conversation) -> None:
    conversation.answer(413)


def test_two_are_on_their_way_and_outcomes_come_in_the_order_of_the_files(files: list[Part10File]) -> None:
    with raw_service(Together(answer_stored, answer_stored)) as service:
        sending = send(service.client(), files, PAIRS, at_once=2)
    assert sending.error is None
    assert sending.stored == [file.sop_instance_uid for file in files]
    assert sorted(service.sent) == sorted(sending.stored)


@pytest.mark.parametrize(("failing", "error"), [(Conversation.reset, PeerUnavailable), (refuse, PeerRefused)])
def test_what_is_on_its_way_when_another_fails_is_waited_for_and_no_more_is_sent(
    files: list[Part10File], failing: Behave, error: type[Exception]
) -> None:
    with raw_service(Together(failing, answer_stored)) as service:
        sending = send(service.client(), files, PAIRS, at_once=2)
    assert isinstance(sending.error, error)
    assert sorted(service.sent) == FIRST + SECOND
    assert len(sending.stored) == 2
    in_doubt = [name for name, outcome in sending.outcomes.items() if outcome.outcome is Outcome.TRANSIENT]
    assert len(in_doubt) == (2 if error is PeerUnavailable else 0)


def test_a_stop_waits_for_what_is_on_its_way(files: list[Part10File]) -> None:
    stopping = threading.Event()

    def stop_and_store(conversation: Conversation) -> None:
        stopping.set()
        answer_stored(conversation)

    with raw_service(Together(stop_and_store, stop_and_store)) as service:
        sending = send(service.client(), files, PAIRS, stopping, at_once=2)
    assert (sending.stored, sending.error) == (FIRST + SECOND, None)


def test_batches_that_are_too_large_are_all_sent_in_smaller_ones(files: list[Part10File]) -> None:
    with raw_service(store_at_most_two) as service:
        sending = send(service.client(), files, BatchLimits(most_files=4), at_once=2)
    assert (sorted(sending.stored), sending.error) == ([file.sop_instance_uid for file in files], None)


def test_a_service_that_can_store_nothing_now_is_left_alone(files: list[Part10File]) -> None:
    with raw_service(answering(503)) as service:
        sending = send(service.client(), files, PAIRS, at_once=2)
    assert isinstance(sending.error, PeerUnavailable)
    assert sorted(service.sent) == FIRST + SECOND


@pytest.mark.parametrize("second", [find_too_large, refuse, Conversation.reset, answer_stored])
def test_a_service_that_can_store_nothing_now_is_said_to_be_so_whatever_the_other_answer_is(
    files: list[Part10File], second: Behave
) -> None:
    with raw_service(Together(fail_all, second)) as service:
        sending = send(service.client(), files[:6], BatchLimits(most_files=3), at_once=2)
    assert isinstance(sending.error, PeerUnavailable | PeerRefused)
    assert len(service.batches) == 2


def test_a_damaged_file_does_not_lose_the_outcomes_of_others(files: list[Part10File]) -> None:
    with files[1].path.open("r+b") as file:
        file.truncate(files[1].bytes - 10)
    with raw_service() as service:
        sending = send(service.client(), files, PAIRS, at_once=2)
    assert isinstance(sending.error, Damaged)
    assert sending.stored == SECOND
    assert service.sent == SECOND
