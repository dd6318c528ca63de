"""QIDO-RS: only what equals the question is an answer, and no error tells whom it was about."""

import json
import traceback

import pytest

from gateway.dicomweb.archive import Archive
from gateway.dicomweb.search import FoundStudy, find_studies, list_instances
from gateway.errors import GatewayError, PeerRefused, PeerUnavailable
from gateway.web.service import HttpTimeouts, Service
from tests.gateway.dicomweb.raw_service import Behave, Conversation, answering, raw_service
from tests.peers.ports import free_port

PATIENT = "SMITH-1970"
HASTY = HttpTimeouts(connect_seconds=2, answer_seconds=1)


def element(value: object) -> dict[str, object]:
    return {"vr": "LO", "Value": [value]}


def a_study(uid: object = "1.2", patient: object = PATIENT, count: object = 3) -> dict[str, object]:
    return {"0020000D": element(uid), "00100020": element(patient), "00201208": element(count)}


def an_instance(sop: object = "1.2.1.1", series: object = "1.2.1", study: object = "1.2") -> dict[str, object]:
    found = {"00080018": element(sop), "0020000E": element(series), "0020000D": element(study)}
    return {tag: value for tag, value in found.items() if value["Value"] != [None]}


def one_page(items: object) -> Behave:
    """Answers with the items, and then with none."""

    def behave(conversation: Conversation) -> None:
        is_first = "offset=0" in conversation.path or "offset" not in conversation.path
        conversation.answer(200, items if is_first else [], Connection="close")

    return behave


def studies_of(behave: Behave) -> tuple[tuple[FoundStudy, ...], int]:
    with raw_service(behave) as service, Archive(Service(service.url), HASTY) as archive:
        found = find_studies(archive, "PatientID", PATIENT, most=100)
    return found.studies, found.dropped


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (a_study(), [FoundStudy("1.2", 3)]),
        (a_study(patient=f" {PATIENT} "), [FoundStudy("1.2", 3)]),
        (a_study(uid="1.2\0", count="7"), [FoundStudy("1.2", 7)]),
        (a_study(count="many"), [FoundStudy("1.2", None)]),
        (a_study(count=None), [FoundStudy("1.2", None)]),
        (a_study(patient=PATIENT.lower()), []),
        (a_study(patient=f"{PATIENT}0"), []),
        (a_study(patient=None), []),
        (a_study(uid="no uid"), []),
        (a_study(uid=None), []),
        ({"0020000D": {"vr": "UI"}, "00100020": element(PATIENT)}, []),
        ({}, []),
    ],
)
def test_a_study_is_one_that_says_it_is_the_patients(item: object, found: list[FoundStudy]) -> None:
    assert list(studies_of(one_page([item]))[0]) == found


def test_a_single_study_may_stand_outside_of_a_list() -> None:
    assert studies_of(one_page(a_study())) == ((FoundStudy("1.2", 3),), 0)


def test_what_is_of_another_patient_is_counted() -> None:
    items = [a_study("1.2"), a_study("1.3", "JONES"), a_study("1.4", "SMITH*"), a_study("1.2")]
    assert studies_of(one_page(items)) == ((FoundStudy("1.2", 3),), 2)


@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_answer_is_no_study(status: int) -> None:
    assert studies_of(answering(status, b"", Connection="close")) == ((), 0)


@pytest.mark.parametrize(
    ("item", "listed"),
    [
        (an_instance(), [("1.2.1", "1.2.1.1")]),
        (an_instance(study=None), [("1.2.1", "1.2.1.1")]),
        (an_instance(study="9.9"), []),
        (an_instance(series=None), []),
        (an_instance(series="../x"), []),
        (an_instance(sop="../x"), []),
    ],
)
def test_an_instance_is_one_of_the_study_with_names_that_are_uids(item: object, listed: list[tuple[str, str]]) -> None:
    with raw_service(one_page([item])) as service, Archive(Service(service.url), HASTY) as archive:
        assert list_instances(archive, "1.2", None, most=100) == listed


@pytest.mark.parametrize(
    ("item", "listed"),
    [
        (an_instance(), [("1.2.1", "1.2.1.1")]),
        (an_instance(series=None, study=None), [("1.2.1", "1.2.1.1")]),
        (an_instance(series="9.9"), []),
    ],
)
def test_of_a_series_only_what_is_of_it_is_listed(item: object, listed: list[tuple[str, str]]) -> None:
    with raw_service(one_page([item])) as service, Archive(Service(service.url), HASTY) as archive:
        assert list_instances(archive, "1.2", "1.2.1", most=100) == listed


def cut(conversation: Conversation) -> None:
    conversation.socket.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + json.dumps([a_study()]).encode()[:50])


def hang(conversation: Conversation) -> None:
    conversation.hang()


def reset(conversation: Conversation) -> None:
    conversation.reset()


@pytest.mark.parametrize(
    ("behave", "kind", "text"),
    [
        (answering(400, b"", Connection="close"), PeerRefused, "refuses the request (HTTP 400)"),
        (answering(404, b"", Connection="close"), PeerRefused, "offers no such service at this address (HTTP 404)"),
        (answering(503, b"", Connection="close"), PeerUnavailable, "can't serve just now (HTTP 503)"),
        (answering(200, [[PATIENT]], Connection="close"), PeerUnavailable, "does not answer in DICOM JSON"),
        (answering(200, b"<html>SMITH-1970", Connection="close"), PeerUnavailable, "does not answer in JSON"),
        (cut, PeerUnavailable, "does not answer in JSON"),
        (hang, PeerUnavailable, "no answer in time"),
        (reset, PeerUnavailable, "connection reset by peer"),
    ],
)
def test_whatever_goes_wrong_the_patient_is_not_told(behave: Behave, kind: type[GatewayError], text: str) -> None:
    with pytest.raises(kind) as refused:
        studies_of(behave)
    assert text in str(refused.value)
    assert PATIENT not in "".join(traceback.format_exception(refused.value))


def test_an_archive_that_is_away_is_told_without_the_patient() -> None:
    with Archive(Service(f"http://127.0.0.1:{free_port()}"), HASTY) as archive, pytest.raises(PeerUnavailable) as away:
        find_studies(archive, "PatientID", PATIENT, most=100)
    assert PATIENT not in "".join(traceback.format_exception(away.value))


def test_an_answer_without_an_end_is_given_up() -> None:
    def endless(conversation: Conversation) -> None:
        conversation.socket.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
        while True:
            conversation.socket.sendall(b" " * (1 << 20))

    with pytest.raises(PeerRefused, match="answers with more than 67 MB"):
        studies_of(endless)
