"""From the object store to archives as they are: what lies there is what was stored, byte for byte."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config import DicomWebDestination, DimseDestination
from gateway.dicom.part10_file import Part10File
from gateway.exports.settlement import ExportStatus
from gateway.exports.states import SendState
from tests.certificates import self_signed
from tests.gateway.dimse.test_real_peers import one_of_each_transfer_syntax, received, results, sent
from tests.gateway.exports.scene import WEB, Scene
from tests.peers import orthanc as orthanc_peer
from tests.peers import stunnel
from tests.peers.dcmtk import Dcmtk, Receiver
from tests.peers.orthanc import Orthanc
from tests.samples import sample

USER, PASSWORD = "mig", "s3cret: ü"


def destination_of(receiver: Receiver, **changes: Any) -> DimseDestination:
    called = receiver.called
    return DimseDestination(
        name="pacs", ae_title=changes.pop("ae_title", called.ae_title), host=called.host, port=called.port, **changes
    )


@pytest.fixture
def files(tmp_path: Path) -> list[Part10File]:
    """One of each transfer syntax, and what an application may make."""
    return [*one_of_each_transfer_syntax(), *results(tmp_path / "results"), Part10File.at(sample("rtdose.dcm"))]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A PACS that asks for a user name and a password."""
    with orthanc_peer.running(tmp_path_factory.mktemp("guarded"), "GUARDED", (USER, PASSWORD)) as peer:
        yield peer


def test_every_kind_of_file_arrives_as_it_is_over_one_association(
    scene: Scene, dcmtk: Dcmtk, tmp_path: Path, files: list[Part10File]
) -> None:
    with dcmtk.storescp(tmp_path, "--bit-preserving", "+xa") as pacs:
        scene.register(destination_of(pacs))
        settlement = scene.settled(scene.ask(scene.put(*files), "pacs"))
        assert settlement.message == ""
        assert received(pacs) == sent(files)


def test_an_archive_keeps_what_it_gets_and_its_refusals_are_told(
    scene: Scene, dcmtk: Dcmtk, tmp_path: Path, files: list[Part10File]
) -> None:
    with dcmtk.dcmqrscp(tmp_path / "archive") as archive:
        scene.register(destination_of(archive))
        keys = scene.put(Part10File.at(sample("CT_small.dcm")))
        assert scene.settled(scene.ask(keys, "pacs")).status is ExportStatus.SUCCESS
        scene.register(destination_of(archive, ae_title="NOBODY"))
        refused = scene.settled(scene.ask(keys, "pacs", task="task-2"))
    assert refused.message.endswith("called AE title not recognized (1/1/7)")


def test_orthanc_takes_results_by_dimse_and_by_dicomweb(scene: Scene, orthanc: Orthanc, tmp_path: Path) -> None:
    files = results(tmp_path / "results")
    scene.register(
        DimseDestination(name="pacs", ae_title=orthanc.ae_title, host=orthanc.host, port=orthanc.port),
        DicomWebDestination(name="vna", url=f"{orthanc.url}/dicom-web"),
    )
    export_id = scene.ask(scene.put(*files), "pacs", "vna", agent=WEB)
    assert scene.settled(export_id).status is ExportStatus.SUCCESS
    assert {send.state for send in scene.sends(export_id)} == {SendState.STORED}
    assert all(orthanc.find(file.sop_instance_uid) for file in files)


def test_credentials_and_the_sites_own_authority_are_taken_from_the_destination(
    scene: Scene, guarded: Orthanc, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)
    with stunnel.running(tmp_path / "stunnel", int(guarded.url.rsplit(":", 1)[1]), certificate) as port:
        there = DicomWebDestination(
            name="vna",
            url=f"https://127.0.0.1:{port}/dicom-web",
            username=USER,
            password=PASSWORD,
            ca_file=certificate.file,
        )
        keys = scene.put(Part10File.at(sample("CT_small.dcm")))
        scene.register(there)
        assert scene.settled(scene.ask(keys, "vna", agent=WEB)).status is ExportStatus.SUCCESS
        scene.register(there.model_copy(update={"ca_file": None}))
        untrusted = scene.settled(scene.ask(keys, "vna", task="task-2", agent=WEB))
    assert "its certificate is not trusted" in untrusted.message
    assert PASSWORD not in untrusted.message
