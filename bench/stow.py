"""STOW-RS to Orthanc in batches of 20: the gateway's sender beside dicomweb-client's `store_instances`."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from dicomweb_client.web import DICOMwebClient
from pydicom import dcmread

from bench.alone import Work, alone, profile_alone
from bench.cost import cpu_seconds
from bench.listing import read_listing, write_listing
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from gateway.config import DicomWebDestination
from gateway.dicom.part10_file import Part10File
from gateway.dicomweb.store import BatchLimits, store_files
from gateway.web.client import Client
from gateway.web.service import Service
from tests.peers import orthanc
from tests.peers.orthanc import Orthanc

INSTANCES, BATCH = 200, 20
AT_ONCE = DicomWebDestination(name="bench", url="http://bench").requests_at_once


def by_gateway(url: str, listing: str) -> Work:
    """From disk to socket."""
    client, paths = Client(Service(url)), read_listing(listing)

    def work() -> int:
        sent = store_files(client, map(Part10File.at, paths), threading.Event(), BatchLimits(most_files=BATCH), AT_ONCE)
        return sum(outcome.is_stored for _, outcome in sent)

    return work


def by_dicomweb_client(url: str, listing: str) -> Work:
    """Its data sets are in memory before the clock starts: what it takes to read them is not counted."""
    client, datasets = DICOMwebClient(url), [dcmread(path) for path in read_listing(listing)]

    def work() -> int:
        answers = [client.store_instances(datasets[at : at + BATCH]) for at in range(0, len(datasets), BATCH)]
        return sum(len(answer.ReferencedSOPSequence) for answer in answers)

    return work


def measure(scene: Scene) -> list[Row]:
    """200 CT slices; a new Orthanc each time."""
    files = scene.studies.ct[: scene.amount(INSTANCES)]
    ways = {way: partial(_round, scene, way, files) for way in (by_gateway, by_dicomweb_client)}
    found = interleaved(ways, scene.rounds, scene.say, "STOW-RS")
    if scene.profiles:
        _profile(scene, files)
    ours, peer = Median.of(found[by_gateway]), Median.of(found[by_dicomweb_client])
    what = f"STOW-RS of {len(files)} CT to Orthanc, batches of {BATCH}"
    name = "dicomweb-client store_instances"
    return [
        Row(
            what=what,
            unit="instances/s",
            ours=ours.rate,
            peer=peer.rate,
            peer_name=name,
            at_least=1.3,
            cpu_ms=ours.cpu_ms,
            peer_cpu_ms=peer.cpu_ms,
            peak_mb=ours.peak_mb,
            peer_peak_mb=peer.peak_mb,
            note=f"the client's data sets were read before; Orthanc was busy {ours.other_cores:.0%} of a core",
        ),
        Row(what=f"CPU for each instance, {what}", unit="ms", ours=ours.cpu_ms, at_most=0.4),
        Row(what=f"memory above idle, {what}", unit="MB", ours=ours.peak_mb, at_most=64),
    ]


def _round(scene: Scene, way: Callable[..., Work], files: list[Path]) -> Sample:
    with _warm_archive(scene, files[0]) as archive:
        assert archive.server.pid
        before = cpu_seconds(archive.server.pid)
        sample = alone(way, f"{archive.url}/dicom-web", write_listing(scene, files))
        used = cpu_seconds(archive.server.pid) - before
    assert sample.instances == len(files), f"{len(files) - sample.instances} instances were not stored"
    return replace(sample, other_cpu_seconds=used)


def _profile(scene: Scene, files: list[Path]) -> None:
    with _warm_archive(scene, files[0]) as archive:
        profile_alone(scene.profiles, "stow", by_gateway, f"{archive.url}/dicom-web", write_listing(scene, files))


@contextmanager
def _warm_archive(scene: Scene, file: Path) -> Iterator[Orthanc]:
    """A new Orthanc that has taken one instance before."""
    with scene.fresh("stow") as directory, orthanc.running(directory) as archive:
        alone(by_gateway, f"{archive.url}/dicom-web", write_listing(scene, [file]))
        yield archive
