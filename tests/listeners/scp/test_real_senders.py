"""Modalities and archives as they are: what they send lies on the spool, byte for byte."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.presentation import build_context

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from gateway.config import ApplicationEntitySettings
from gateway.dicom.part10 import data_set_offset, read_head
from tests.gateway.dicom.test_scanner import data_set_bytes
from tests.listeners.scp.raw_peer import RawPeer
from tests.listeners.scp.receiver import Receiver, receiving
from tests.peers.dcmtk import ApplicationEntity, Dcmtk
from tests.peers.orthanc import Orthanc
from tests.studies import Sample, sample_instances
from tests.waiting import wait_until


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "spool", ApplicationEntitySettings(ae_title="MIG", max_instances=1000)) as receiver:
        yield receiver


@pytest.fixture
def mig(receiver: Receiver) -> ApplicationEntity:
    return ApplicationEntity("MIG", receiver.port)


@pytest.fixture(scope="session")
def ct_study(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A study of 324 slices, 170 MB."""
    return write_study(made_ct_study(324), tmp_path_factory.mktemp("ct"))


def data_sets(receiver: Receiver) -> list[bytes]:
    wait_until(lambda: receiver.server.open_associations == 0, 10, "the associations end")
    return sorted(path.read_bytes()[data_set_offset(path) :] for path in receiver.files())


@pytest.mark.parametrize("sample", sample_instances(), ids=lambda sample: sample.file.name)
def test_every_sample_is_kept_byte_for_byte_in_its_own_transfer_syntax(receiver: Receiver, sample: Sample) -> None:
    sent = data_set_bytes(sample.file.read_bytes())
    with RawPeer(receiver.port) as modality:
        modality.associate((sample.sop_class_uid, [sample.transfer_syntax_uid]))
        status = modality.store(sent, sop=sample.sop_instance_uid, sop_class=sample.sop_class_uid)
    assert status == 0, modality.error_comment
    wait_until(lambda: receiver.server.open_associations == 0, 10, "the association ends")
    (stored,) = receiver.stored()
    assert data_set_bytes(stored) == sent
    (file,) = receiver.files()
    with file.open("rb") as part_10:
        assert read_head(part_10).transfer_syntax_uid == sample.transfer_syntax_uid


@pytest.mark.parametrize("tool", ["storescu", "dcmsend"])
def test_what_dcmtk_sends_is_what_a_bit_preserving_receiver_gets(
    receiver: Receiver, mig: ApplicationEntity, dcmtk: Dcmtk, ct_study: list[Path], tmp_path: Path, tool: str
) -> None:
    files = ct_study[:5]
    send = {"storescu": dcmtk.storescu, "dcmsend": dcmtk.dcmsend}[tool]
    with dcmtk.storescp(tmp_path, "--bit-preserving") as witness:
        assert send(witness.called, files).exit_status == 0
        assert send(mig, files).exit_status == 0
        theirs = sorted(data_set_bytes(path.read_bytes()) for path in witness.directory.iterdir())
    assert data_sets(receiver) == theirs
    assert len(theirs) == len(files)


def test_an_echo_of_dcmtk_is_answered(mig: ApplicationEntity, dcmtk: Dcmtk) -> None:
    assert dcmtk.echoscu(mig).exit_status == 0
    refused = dcmtk.echoscu(replace(mig, ae_title="NOBODY"))
    assert "Called AE Title Not Recognized" in refused.output


def test_an_archive_sends_its_instances_as_they_are(receiver: Receiver, orthanc: Orthanc, ct_study: list[Path]) -> None:
    ids = [orthanc.file(file) for file in ct_study[:5]]
    orthanc.send(ids, ae_title="MIG", port=receiver.port)
    kept = sorted(data_set_bytes(orthanc.ask("GET", f"/instances/{name}/file").content) for name in ids)
    assert data_sets(receiver) == kept


def test_pynetdicom_sends_what_it_encodes(receiver: Receiver, tmp_path: Path) -> None:
    (data_set,) = made_ct_study(1)
    ae = AE("CT01")
    ae.requested_contexts = [build_context(data_set.SOPClassUID, data_set.file_meta.TransferSyntaxUID)]
    association = ae.associate("127.0.0.1", receiver.port, ae_title="MIG")
    assert association.send_c_store(data_set).Status == 0
    association.release()
    data_set.save_as(tmp_path / "sent.dcm", enforce_file_format=True)
    assert data_sets(receiver) == [data_set_bytes((tmp_path / "sent.dcm").read_bytes())]


def test_a_large_study_comes_in_whole(
    receiver: Receiver, mig: ApplicationEntity, dcmtk: Dcmtk, ct_study: list[Path]
) -> None:
    sent = dcmtk.storescu(mig, ct_study, "--verbose")
    assert len(re.findall(r"Received Store Response \(Success\)", sent.output)) == 324
    wait_until(lambda: receiver.server.open_associations == 0, 10, "the association ends")
    (payload,) = receiver.spool.pass_time(5)
    assert len({instance.sop_instance_uid for instance in payload.instances}) == 324
    assert payload.bytes > 324 * 512 * 512 * 2


def test_eight_senders_at_once_make_eight_payloads(
    receiver: Receiver, mig: ApplicationEntity, dcmtk: Dcmtk, tmp_path: Path
) -> None:
    studies = [
        write_study(made_ct_study(20, 128, 128, examination=Examination(study=number)), tmp_path / str(number))
        for number in range(8)
    ]
    with ThreadPoolExecutor(8) as modalities:
        sent = list(modalities.map(lambda files: dcmtk.storescu(mig, files), studies))
    assert [finished.exit_status for finished in sent] == [0] * 8
    wait_until(lambda: receiver.server.open_associations == 0, 10, "the associations end")
    assert [len(payload.instances) for payload in receiver.spool.pass_time(5)] == [20] * 8


def test_a_sender_with_nagles_algorithm_on_is_served_too(
    receiver: Receiver, mig: ApplicationEntity, dcmtk: Dcmtk, tmp_path: Path
) -> None:
    files = write_study(made_ct_study(20, 64, 64), tmp_path / "study")
    assert replace(dcmtk, at_once=False).storescu(mig, files).exit_status == 0
    assert len(data_sets(receiver)) == 20
