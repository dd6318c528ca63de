"""Archives as they are: what lies on disk here lies there, byte for byte."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import EncapsulatedPDFStorage, RTPlanStorage

from examples.ct_study import made_ct_study
from examples.made_study import FIRST, made_instance, write_study
from gateway.config import ApplicationEntitySettings
from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome
from gateway.dimse.peer import Peer, Timeouts
from gateway.dimse.store_association import StoreAssociation
from gateway.errors import PeerRefused, PeerUnavailable
from tests.gateway.dicom.test_scanner import data_set_bytes
from tests.gateway.dimse.raw_pacs import raw_pacs
from tests.gateway.dimse.sending import HASTY, send
from tests.gateway.part10_files import checksum_of, data_set_of, write_files
from tests.listeners.scp.receiver import receiving
from tests.peers.dcmtk import Dcmtk, Receiver
from tests.peers.orthanc import Orthanc
from tests.samples import sample
from tests.studies import Sample, sample_instances
from tests.waiting import wait_until


@pytest.fixture
def ct_study(tmp_path: Path) -> list[Part10File]:
    return [Part10File.at(path) for path in write_study(made_ct_study(20, 128, 128), tmp_path / "ct")]


@pytest.fixture
def pacs(dcmtk: Dcmtk, tmp_path: Path) -> Iterator[Receiver]:
    """It accepts every transfer syntax and files what it gets as it came."""
    with dcmtk.storescp(tmp_path, "--bit-preserving", "+xa") as receiver:
        yield receiver


def peer_of(receiver: Receiver) -> Peer:
    return Peer("127.0.0.1", receiver.called.port, receiver.called.ae_title, "MIG")


def received(receiver: Receiver) -> list[bytes]:
    return sorted(data_set_bytes(path.read_bytes()) for path in receiver.directory.iterdir())


def sent(files: list[Part10File]) -> list[bytes]:
    """The data sets, those of odd length with the byte that a deflated one is padded with."""
    return sorted(content + bytes(len(content) % 2) for content in map(data_set_of, files))


def one_of_each_transfer_syntax() -> list[Part10File]:
    """Samples of different SOP Instance UIDs: one that has the UID of another would take its place."""
    found: dict[str, Sample] = {}
    for instance in sample_instances():
        if instance.sop_instance_uid not in {other.sop_instance_uid for other in found.values()}:
            found.setdefault(instance.transfer_syntax_uid, instance)
    return [Part10File.at(instance.file) for instance in found.values()]


def results(directory: Path) -> list[Part10File]:
    """What an application may make: a structured report, a segmentation, a waveform, a PDF and a plan."""
    pdf: Dataset = made_instance(FIRST, 9, "DOC", EncapsulatedPDFStorage)
    pdf.EncapsulatedDocument = b"%PDF-1.4 a finding " * 50
    pdf.MIMETypeOfEncapsulatedDocument = "application/pdf"
    plan: Dataset = made_instance(FIRST, 10, "RTPLAN", RTPlanStorage)
    plan.RTPlanLabel = "MADE"
    paths = [
        *map(sample, ("test-SR.dcm", "liver_1frame.dcm", "waveform_ecg.dcm")),
        *write_study([pdf, plan], directory),
    ]
    return [Part10File.at(path) for path in paths]


def test_every_transfer_syntax_arrives_as_it_is_over_one_association(pacs: Receiver) -> None:
    files = one_of_each_transfer_syntax()
    assert len(files) >= 11
    sending = send(peer_of(pacs), files)
    assert set(sending.kinds) == {Outcome.STORED}
    assert received(pacs) == sent(files)


def test_reports_segmentations_plans_and_waveforms_arrive_as_they_are(pacs: Receiver, tmp_path: Path) -> None:
    files = [*results(tmp_path / "results"), Part10File.at(sample("rtdose.dcm"))]
    sending = send(peer_of(pacs), files)
    assert set(sending.kinds) == {Outcome.STORED}
    assert received(pacs) == sent(files)


def test_every_sample_leaves_as_it_is() -> None:
    files = [Part10File.at(sample.file) for sample in sample_instances()]
    even = [file for file in files if file.data_set_bytes % 2 == 0]
    with raw_pacs() as pacs:
        assert send(pacs.peer, even).error is None
    assert [(stored.sop_instance_uid, stored.crc32c) for stored in pacs.stored] == [
        (file.sop_instance_uid, checksum_of(file)) for file in even
    ]


def test_a_study_arrives_whole_and_a_second_time_harmlessly(pacs: Receiver, ct_study: list[Part10File]) -> None:
    for _ in range(2):
        assert len(send(peer_of(pacs), ct_study).stored) == 20
        assert received(pacs) == sent(ct_study)


def test_an_archive_that_leaves_its_answers_to_nagles_algorithm_is_not_waited_for(dcmtk: Dcmtk, tmp_path: Path) -> None:
    """Without quick acknowledgements each answer is held back some 40 ms: 200 files take eight seconds."""
    files = write_files(tmp_path, 200)
    with replace(dcmtk, at_once=False).storescp(tmp_path) as pacs:
        began = time.monotonic()
        assert len(send(peer_of(pacs), files).stored) == 200
        assert time.monotonic() - began < 4


def test_a_compressed_file_is_refused_where_only_uncompressed_ones_are_taken(
    dcmtk: Dcmtk, tmp_path: Path, ct_study: list[Part10File]
) -> None:
    compressed = Part10File.at(sample("JPEG2000.dcm"))
    with dcmtk.storescp(tmp_path, "--bit-preserving") as pacs:
        sending = send(peer_of(pacs), [compressed, *ct_study])
    assert sending.outcomes.pop(compressed.sop_instance_uid).outcome is Outcome.FINAL
    assert set(sending.kinds) == {Outcome.STORED}


def test_an_archive_serves_what_was_sent(dcmtk: Dcmtk, tmp_path: Path, ct_study: list[Part10File]) -> None:
    with dcmtk.dcmqrscp(tmp_path / "archive") as archive:
        assert len(send(peer_of(archive), ct_study).stored) == 20


def test_an_archive_that_is_read_only_refuses_each_file(
    dcmtk: Dcmtk, tmp_path: Path, ct_study: list[Part10File]
) -> None:
    with dcmtk.dcmqrscp(tmp_path / "archive", access="R") as archive:
        sending = send(peer_of(archive), ct_study)
    assert (sending.error, set(sending.kinds)) == (None, {Outcome.FINAL})
    assert "does not accept CT Image Storage" in sending.outcomes[ct_study[0].sop_instance_uid].reason


def test_an_archive_that_is_called_by_another_name_refuses(
    dcmtk: Dcmtk, tmp_path: Path, ct_study: list[Part10File]
) -> None:
    with dcmtk.dcmqrscp(tmp_path / "archive") as archive:
        sending = send(Peer("127.0.0.1", archive.called.port, "NOBODY", "MIG"), ct_study)
    assert isinstance(sending.error, PeerRefused)
    assert str(sending.error).endswith("called AE title not recognized (1/1/7)")


def test_a_busy_archive_is_unavailable_whatever_it_calls_permanent(
    dcmtk: Dcmtk, tmp_path: Path, ct_study: list[Part10File]
) -> None:
    with dcmtk.storescp(tmp_path, "--refuse") as pacs:
        sending = send(peer_of(pacs), ct_study)
    assert isinstance(sending.error, PeerUnavailable)
    assert str(sending.error).endswith("no reason given (1/1/1)")


def test_an_archive_that_serves_one_association_at_a_time_is_unavailable_to_a_second(
    pacs: Receiver, ct_study: list[Part10File]
) -> None:
    with StoreAssociation.open(peer_of(pacs), HASTY, ct_study):
        sending = send(peer_of(pacs), ct_study, Timeouts(negotiate_seconds=0.3))
    assert isinstance(sending.error, PeerUnavailable)
    assert send(peer_of(pacs), ct_study).error is None


@pytest.mark.parametrize("option", ["--abort-after", "--abort-during"])
def test_an_archive_that_aborts_is_unavailable(
    dcmtk: Dcmtk, tmp_path: Path, ct_study: list[Part10File], option: str
) -> None:
    with dcmtk.storescp(tmp_path, option) as pacs:
        sending = send(peer_of(pacs), ct_study)
    assert isinstance(sending.error, PeerUnavailable)
    assert sending.stored == []


def test_orthanc_files_every_kind_that_it_knows(orthanc: Orthanc, tmp_path: Path, ct_study: list[Part10File]) -> None:
    files = results(tmp_path / "results")
    sending = send(Peer("127.0.0.1", orthanc.port, orthanc.ae_title, "MIG"), [*files, *ct_study])
    assert set(sending.kinds) == {Outcome.STORED}
    for file in [*files, *ct_study]:
        assert orthanc.find(file.sop_instance_uid)


def test_a_file_whose_meta_group_names_another_instance_is_refused(orthanc: Orthanc) -> None:
    file = Part10File.at(sample("rtdose.dcm"))
    sending = send(Peer("127.0.0.1", orthanc.port, orthanc.ae_title, "MIG"), [file])
    outcome = sending.outcomes[file.sop_instance_uid]
    assert (outcome.outcome, outcome.reason) == (Outcome.FINAL, "the data set does not match the SOP class (A900)")


def test_orthanc_keeps_the_bytes_of_a_ct(orthanc: Orthanc, ct_study: list[Part10File]) -> None:
    send(Peer("127.0.0.1", orthanc.port, orthanc.ae_title, "MIG"), ct_study[:1])
    (found,) = orthanc.find(ct_study[0].sop_instance_uid)
    kept = orthanc.ask("GET", f"/instances/{found}/file").content
    assert data_set_bytes(kept) == data_set_of(ct_study[0])


def test_the_gateways_own_receiver_takes_what_it_sends(tmp_path: Path) -> None:
    files = write_files(tmp_path, 3, pixels=bytes(600_000))
    entity = ApplicationEntitySettings(ae_title="MIG", max_instances=1000)
    with receiving(tmp_path / "spool", entity) as receiver:
        sending = send(Peer("127.0.0.1", receiver.port, "MIG", "OTHER"), files)
        wait_until(lambda: receiver.server.open_associations == 0, 10, "the association ends")
        assert [data_set_bytes(stored) for stored in receiver.stored()] == list(map(data_set_of, files))
    assert set(sending.kinds) == {Outcome.STORED}


def test_two_destinations_are_sent_to_side_by_side(dcmtk: Dcmtk, tmp_path: Path, ct_study: list[Part10File]) -> None:
    """Two threads share the files and nothing else."""
    with dcmtk.storescp(tmp_path / "a") as one, dcmtk.storescp(tmp_path / "b") as two:
        threads = [threading.Thread(target=send, args=(peer_of(pacs), ct_study)) for pacs in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(received(one)) == len(received(two)) == 20
