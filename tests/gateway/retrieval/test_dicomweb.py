"""A study comes whole from an archive that does everything wrong, and nothing is fetched twice."""

import logging
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gateway.errors import GatewayError, PeerRefused, PeerUnavailable
from gateway.sources.outcome import RetrievalOutcome
from tests.gateway.acr.requests import STUDY as STUDY_INPUT
from tests.gateway.acr.requests import Json, inference_request, source
from tests.gateway.dicomweb.faulty_archive import (
    FaultyArchive,
    Give,
    Held,
    cut_at,
    cut_in_chunks,
    faulty_archive,
    hanging,
    head,
    honestly,
    in_pieces,
    multipart,
    redirecting,
    refusing,
    reset_at,
    study,
    with_parts,
)
from tests.gateway.dicomweb.raw_service import Conversation
from tests.gateway.retrieval.scene import HASTY, Node, series_of, study_of

STUDY, SERIES_1, SERIES_2 = "studies/1.2.1", "studies/1.2.1/series/1.2.1.1", "studies/1.2.1/series/1.2.1.2"
INSTANCES_2 = [f"{SERIES_2}/instances/1.2.1.2.{number}" for number in (1, 2, 3)]
PATIENT = "SMITH-1970"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "areas", **HASTY)


@pytest.fixture
def archive() -> Iterator[FaultyArchive]:
    """Two series with three instances each."""
    with faulty_archive() as archive:
        yield archive


def as_held(archive: FaultyArchive) -> dict[str, bytes]:
    return {held.sop: held.file for held in archive.held}


def error_of(outcome: RetrievalOutcome) -> GatewayError:
    error = outcome.error(allow_partial=False)
    assert error
    return error


def all_by_patient(url: str, patient: str = "P1") -> Json:
    return inference_request({"type": "DICOM_PATIENT_ID", "PatientID": patient}, sources=[source(url)])


def test_a_study_is_kept_as_it_came_preamble_and_all(node: Node, archive: FaultyArchive) -> None:
    outcome = node.retrieve(study_of(archive.url))
    assert outcome.error(allow_partial=False) is None
    assert node.files() == as_held(archive)
    (at_source,) = outcome.sources
    assert (at_source.found, at_source.fetched, at_source.bytes) == (6, 6, sum(map(len, as_held(archive).values())))
    assert (archive.wado, sum(node.progress)) == ([STUDY], 6)
    assert archive.accepted == ['multipart/related; type="application/dicom"; transfer-syntax=*']


def test_a_second_try_asks_for_nothing_that_is_here(node: Node, archive: FaultyArchive) -> None:
    node.retrieve(study_of(archive.url))
    archive.wado.clear()
    assert node.retrieve(study_of(archive.url), epoch=2).fetched == 6
    assert archive.wado == []


@pytest.mark.parametrize("give", [cut_at(0.7), cut_in_chunks(0.7), reset_at(0.7), hanging(0.7)])
def test_a_study_that_breaks_off_goes_on_with_what_is_missing(node: Node, archive: FaultyArchive, give: Give) -> None:
    archive.gives = [give]  # in the middle of the fifth of six instances
    assert node.retrieve(study_of(archive.url)).error(allow_partial=False) is None
    assert node.files() == as_held(archive)
    assert archive.wado == [STUDY, *INSTANCES_2[1:]]


def test_a_series_that_was_not_begun_is_asked_for_whole(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [cut_at(0.4)]  # in the third instance, the last of the first series
    node.retrieve(study_of(archive.url))
    assert archive.wado == [STUDY, SERIES_2, f"{SERIES_1}/instances/1.2.1.1.3"]


def test_a_series_that_breaks_off_goes_on_with_its_instances(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [cut_at(0), honestly, cut_at(0)]
    node.retrieve(study_of(archive.url))
    assert archive.wado == [STUDY, SERIES_1, SERIES_2, *INSTANCES_2]
    assert node.files() == as_held(archive)


@pytest.mark.parametrize("share", [0, 0.1, 0.33, 0.5, 0.9, 0.99])
def test_wherever_it_is_cut_no_short_file_is_kept(node: Node, archive: FaultyArchive, share: float) -> None:
    archive.gives = [cut_at(share)] * 20
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerUnavailable)
    assert "broke off its answer" in str(error)
    assert node.files().items() <= as_held(archive).items()


def test_three_failures_in_a_row_end_the_try(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [refusing(500)] * 20
    error = error_of(node.retrieve(study_of(archive.url)))
    assert len(archive.wado) == 3
    origin = archive.url.removesuffix("/dicom-web")
    assert str(error) == f"inputResources[1]: 0 of 6 instances of study 1.2.1: {origin} failed (HTTP 500)"


def test_fewer_than_were_listed_is_told_in_numbers_and_tried_again(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [with_parts(lambda parts: parts[:4]), *[refusing(404)] * 20]
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerUnavailable)
    assert "4 of 6 instances of study 1.2.1: " in str(error)
    archive.gives.clear()
    assert node.retrieve(study_of(archive.url), epoch=2).error(allow_partial=False) is None


def test_the_archives_own_count_is_a_second_witness(node: Node, archive: FaultyArchive) -> None:
    archive.promised = 8
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerUnavailable)
    assert "6 of 8 instances of study 1.2.1" in str(error)


def test_the_second_witness_can_be_silenced(tmp_path: Path, archive: FaultyArchive) -> None:
    archive.promised = 8
    node = Node(tmp_path / "areas", check_instance_count=False, **HASTY)
    assert node.retrieve(study_of(archive.url)).error(allow_partial=False) is None


def test_an_instance_of_another_study_is_refused_and_told(node: Node, archive: FaultyArchive) -> None:
    foreign = Held("9.9.9", "9.9.9.1", "9.9.9.1.1").file
    archive.gives = [with_parts(lambda parts: [foreign, *parts[1:]])] + [with_parts(lambda _: [foreign])] * 3
    outcome = node.retrieve(study_of(archive.url))
    assert "5 of 6 instances of study 1.2.1: 2 of its parts were of something else" in str(error_of(outcome))
    assert "9.9.9.1.1" not in node.files()


def test_what_comes_twice_is_kept_once(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [with_parts(lambda parts: parts + parts)]
    assert node.retrieve(study_of(archive.url)).error(allow_partial=False) is None
    assert node.files() == as_held(archive)


def test_a_part_that_is_no_dicom_file_is_left_out(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [with_parts(lambda parts: [b"<html>sorry</html>", *parts[1:]])]
    outcome = node.retrieve(study_of(archive.url))
    assert node.files() == as_held(archive)
    assert "1 of its parts were no DICOM files" in outcome.remarks[0]


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_part_with_another_length_than_it_says_is_not_believed(
    node: Node, archive: FaultyArchive, difference: int
) -> None:
    def lying(conversation: Conversation, wanted: Sequence[Held]) -> None:
        first = f"Content-Length: {len(wanted[0].file) + difference}\r\n\r\n".encode()
        body = multipart([held.file for held in wanted])
        conversation.socket.sendall(head() + body.replace(b"\r\n\r\n", b"\r\n" + first, 1))

    archive.gives = [lying]
    outcome = node.retrieve(study_of(archive.url))
    assert node.files() == as_held(archive)
    assert archive.wado == [STUDY, f"{SERIES_1}/instances/1.2.1.1.1"]
    assert "1 of its parts were not as long as they said" in outcome.remarks[0]


def test_a_body_in_dribbles_is_put_together(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [in_pieces(1000)]
    assert node.retrieve(study_of(archive.url)).error(allow_partial=False) is None
    assert node.files() == as_held(archive)


def test_an_archive_that_trickles_is_given_up_though_it_never_stops(tmp_path: Path) -> None:
    node = Node(tmp_path / "areas", answer_seconds=0.3, slowest_bytes_per_second=50_000)
    with faulty_archive(*study(instances=20), gives=[in_pieces(100, bytes_per_second=1000)] * 3) as archive:
        error = error_of(node.retrieve(study_of(archive.url)))
    assert "sends fewer than 50,000 bytes a second" in str(error)


def test_another_boundary_than_was_announced_is_final(node: Node, archive: FaultyArchive) -> None:
    def another(conversation: Conversation, wanted: Sequence[Held]) -> None:
        body = multipart([held.file for held in wanted] * 50, boundary="another")
        conversation.socket.sendall(head() + body)

    archive.gives = [another]
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerRefused)
    assert "does not answer in the parts that it announces" in str(error)


def test_an_answer_without_parts_is_final(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [refusing(200, Content_Type="text/html")]
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerRefused)
    assert "does not answer in parts, as WADO-RS does (HTTP 200)" in str(error)


def test_a_partial_answer_is_taken_for_what_it_is(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [with_parts(lambda parts: parts[:3], status=206)]
    assert node.retrieve(study_of(archive.url)).error(allow_partial=False) is None
    assert archive.wado == [STUDY, SERIES_2]


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 504])
def test_an_archive_that_cannot_serve_now_is_left_alone_for_as_long_as_it_asks(
    node: Node, archive: FaultyArchive, status: int
) -> None:
    archive.gives = [refusing(status, Retry_After="17")]
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerUnavailable)
    assert error.retry_after_seconds == 17
    assert archive.wado == [STUDY]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, "does not accept the credentials (HTTP 401)"),
        (403, "does not allow this with these credentials (HTTP 403)"),
        (501, "offers no such service at this address (HTTP 501)"),
        (418, "refuses the request (HTTP 418)"),
    ],
)
def test_a_refusal_is_final_and_told_in_our_words(node: Node, archive: FaultyArchive, status: int, text: str) -> None:
    archive.gives = [refusing(status)]
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerRefused)
    assert text in str(error)


def test_where_the_stored_transfer_syntax_is_refused_any_is_asked_for_and_said_so(
    node: Node, archive: FaultyArchive
) -> None:
    archive.gives = [refusing(406)]
    outcome = node.retrieve(study_of(archive.url))
    assert archive.accepted[1] == 'multipart/related; type="application/dicom"'
    assert "6 may be transcoded" in outcome.remarks[0]


def test_a_refusal_of_any_form_is_final(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [refusing(406), refusing(406)]
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerRefused)
    assert "answers in no form that we take (HTTP 406)" in str(error)


def test_series_and_instances_are_asked_for_as_such(node: Node, archive: FaultyArchive) -> None:
    named = {"SeriesInstanceUID": "1.2.1.2", "instances": [{"SOPInstanceUID": ["1.2.1.2.3", "1.2.1.2.1"]}]}
    outcome = node.retrieve(series_of(archive.url, {"SeriesInstanceUID": "1.2.1.1"}, named))
    assert outcome.error(allow_partial=False) is None
    assert archive.wado == [SERIES_1, INSTANCES_2[2], INSTANCES_2[0]]
    assert len(node.files()) == 5


def test_an_instance_that_the_request_names_and_the_archive_lacks_is_final(node: Node, archive: FaultyArchive) -> None:
    named = {"SeriesInstanceUID": "1.2.1.2", "instances": [{"SOPInstanceUID": ["9.9", "1.2.1.2.1"]}]}
    error = error_of(node.retrieve(series_of(archive.url, named)))
    assert isinstance(error, PeerRefused)
    assert "1 of 2 instances of study 1.2.1: " in str(error)
    assert "has no such thing (HTTP 404)" in str(error)


def test_a_study_that_the_archive_lacks_is_final_and_named(node: Node, archive: FaultyArchive) -> None:
    error = error_of(node.retrieve(study_of(archive.url, "9.9.9")))
    assert isinstance(error, PeerRefused)
    assert "has no study 9.9.9" in str(error)


def test_two_inputs_that_name_the_same_study_fetch_it_once(node: Node, archive: FaultyArchive) -> None:
    by_number = {"type": "ACCESSION_NUMBER", "accessionNumber": ["A-1.2.1"]}
    outcome = node.retrieve(inference_request(STUDY_INPUT, by_number, sources=[source(archive.url)]))
    assert (outcome.sources[0].found, archive.wado) == (6, [STUDY])


def test_two_archives_with_the_same_study_give_it_once(node: Node, archive: FaultyArchive) -> None:
    with faulty_archive() as other:
        outcome = node.retrieve(inference_request(sources=[source(archive.url), source(other.url)]))
    assert [each.fetched for each in outcome.sources] == [6, 6]
    assert (len(archive.wado), len(other.wado)) == (1, 0)


def test_one_source_that_fails_fails_the_request_and_what_came_is_kept(node: Node, archive: FaultyArchive) -> None:
    with faulty_archive(*study("9.9.9")) as other:
        outcome = node.retrieve(inference_request(sources=[source(other.url), source(archive.url)]))
    assert str(error_of(outcome)).startswith("inputResources[1]: ")
    assert outcome.error(allow_partial=True) is None
    assert (outcome.is_partial, node.files()) == (True, as_held(archive))


def test_a_source_that_is_away_is_waited_for_even_where_partial_payloads_are_allowed(
    node: Node, archive: FaultyArchive
) -> None:
    with faulty_archive() as other:
        pass
    outcome = node.retrieve(inference_request(sources=[source(other.url), source(archive.url)]))
    assert isinstance(outcome.error(allow_partial=True), PeerUnavailable)
    assert outcome.error(allow_partial=True, last_try=True) is None


def test_a_request_that_found_nothing_is_no_payload_whatever_is_allowed(node: Node, archive: FaultyArchive) -> None:
    outcome = node.retrieve(study_of(archive.url, "9.9.9"))
    assert isinstance(outcome.error(allow_partial=True), PeerRefused)


def test_all_studies_of_a_patient_are_fetched(node: Node) -> None:
    with faulty_archive(*study("1.2.1"), *study("1.2.2"), *study("1.2.3", patient="P2")) as archive:
        assert node.retrieve(all_by_patient(archive.url)).error(allow_partial=False) is None
    assert {sop[:5] for sop in node.files()} == {"1.2.1", "1.2.2"}


def test_studies_of_another_patient_are_dropped_and_counted(node: Node) -> None:
    with faulty_archive(*study("1.2.1"), *study("1.2.2", patient="p1"), *study("1.2.3", patient="P12")) as archive:
        archive.matches = False
        outcome = node.retrieve(all_by_patient(archive.url))
    assert {sop[:5] for sop in node.files()} == {"1.2.1"}
    assert outcome.remarks == (
        "inputResources[1]: 2 studies were left out that are no study of the patient in inputMetadata.inputs[0]",
    )


@pytest.mark.parametrize(
    ("page_size", "most_in_a_page", "heeds_offset"), [(4, 1000, True), (50, 3, True), (50, 1000, False)]
)
def test_pages_are_asked_for_until_one_brings_nothing_new(
    tmp_path: Path, page_size: int, most_in_a_page: int, heeds_offset: bool
) -> None:
    node = Node(tmp_path / "areas", page_size=page_size, **HASTY)
    with faulty_archive(*study(instances=5)) as archive:
        archive.most_in_a_page, archive.heeds_offset = most_in_a_page, heeds_offset
        assert node.retrieve(study_of(archive.url)).fetched == 10


def test_a_query_that_finds_more_than_is_bearable_fails_the_request(tmp_path: Path, archive: FaultyArchive) -> None:
    node = Node(tmp_path / "areas", max_instances=5, **HASTY)
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerRefused)
    assert "finds more than 5, which is the bound" in str(error)


def test_credentials_go_out_as_they_came_and_to_nobody_else(node: Node, archive: FaultyArchive) -> None:
    with faulty_archive() as other:
        archive.gives = [redirecting(other.url)]
        request = study_of(archive.url, auth_type="Basic", auth_id="bWlnOnNlY3JldA==")
        assert node.retrieve(request).error(allow_partial=False) is None
    assert set(archive.authorizations) == {"Basic bWlnOnNlY3JldA=="}
    assert other.authorizations == [None]


def test_a_service_is_called_by_its_host_and_port(node: Node, archive: FaultyArchive) -> None:
    node.retrieve(study_of(archive.url))
    assert set(archive.hosts) == {archive.url.removeprefix("http://").removesuffix("/dicom-web")}


def test_an_endless_redirect_is_final(node: Node, archive: FaultyArchive) -> None:
    archive.gives = [redirecting(archive.url)] * 20
    error = error_of(node.retrieve(study_of(archive.url)))
    assert isinstance(error, PeerRefused)
    assert "redirects without an end" in str(error)


def test_nothing_that_names_a_patient_is_told_to_anybody(
    node: Node, archive: FaultyArchive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    archive.held = study(patient=PATIENT)
    archive.matches = False
    errors = [error_of(node.retrieve(all_by_patient(archive.url, f"{PATIENT}-X")))]
    archive.url = archive.url.replace("dicom-web", "elsewhere")
    errors.append(error_of(node.retrieve(all_by_patient(archive.url, PATIENT))))
    with faulty_archive() as away:
        pass
    errors.append(error_of(node.retrieve(all_by_patient(away.url, PATIENT))))
    told = "".join("".join(traceback.format_exception(error)) for error in errors)
    assert PATIENT not in told + caplog.text
    assert "?" not in caplog.text
