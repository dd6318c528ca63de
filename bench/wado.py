"""WADO-RS from Orthanc to files, verified and indexed, beside dicomweb-client's ways."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pydicom
from dicomweb_client.web import DICOMwebClient

from bench.alone import Work, alone, profile_alone
from bench.cost import cpu_seconds
from bench.row import Row
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from examples.made_study import FIRST
from gateway.acr.submission import read_submission
from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.disk.room import Room
from gateway.inference.identity import request_id
from gateway.retrieval.areas import Areas
from gateway.retrieval.arrivals import Fetching
from gateway.retrieval.fetch import fetch
from gateway.retrieval.open_sources import OpenSources, addresses_of
from gateway.retrieval.plan import plan_of
from gateway.retrieval.query import query
from tests.gateway.acr.requests import as_body
from tests.gateway.retrieval.scene import Node, study_of
from tests.peers import orthanc
from tests.peers.orthanc import Orthanc

INSTANCES = 200
_STUDY = str(FIRST.study_instance_uid)
_AS_STORED = (("application/dicom", "*"),)


def by_gateway(url: str, directory: str) -> Work:
    """One request; each file checked, indexed and flushed. What the study holds was asked before the clock starts."""
    submission = read_submission(as_body(study_of(url, _STUDY)), allow_credentials_over_http=True)
    request, settings, root = submission.request, Settings(), Path(directory)
    opened = ExitStack()
    sources = opened.enter_context(OpenSources(addresses_of(request, submission.credentials.sources), settings))
    area = opened.enter_context(Areas(root, Room(root, 0)).open(request_id(request.transaction_id), epoch=1))
    listed = query(plan_of(request), sources)
    area.keep_fetch_list(listed)

    def work() -> int:
        with opened:
            return fetch(listed, sources, Fetching(area, SystemClock(), lambda _: None)).fetched

    return work


def by_gateway_with_query(url: str, directory: str) -> Work:
    """The same with its queries, from the first connection on."""
    node = Node(Path(directory))
    return lambda: node.retrieve(study_of(url, _STUDY)).fetched


def by_retrieve_study(url: str, _directory: str) -> Work:
    """The client's list, in memory; nothing is written."""
    client = DICOMwebClient(url)
    return lambda: len(client.retrieve_study(_STUDY, media_types=_AS_STORED))


def by_iter_study(url: str, directory: str) -> Work:
    """The client's stream, each instance decoded and written."""
    client = DICOMwebClient(url)
    return lambda: _write(client.iter_study(_STUDY, media_types=_AS_STORED), Path(directory))


WAYS: tuple[Callable[..., Work], ...] = (by_gateway, by_gateway_with_query, by_retrieve_study, by_iter_study)


def measure(scene: Scene) -> list[Row]:
    """200 CT slices of one study."""
    files = scene.studies.ct[: scene.amount(INSTANCES)]
    with scene.fresh("archive") as directory, orthanc.running(directory) as archive:
        for file in files:
            archive.file(file)
        ways = {way: partial(_round, scene, archive, way) for way in WAYS}
        found = interleaved(ways, scene.rounds, scene.say, "WADO-RS")
        with scene.fresh("wado") as place:
            profile_alone(scene.profiles, "wado", by_gateway, f"{archive.url}/dicom-web", place)
    assert {sample.instances for samples in found.values() for sample in samples} == {len(files)}
    ours, whole, listed, streamed = (Median.of(found[way]) for way in WAYS)
    what, listing = f"WADO-RS of {len(files)} CT from Orthanc to files", "dicomweb-client retrieve_study, in memory"
    return [
        _row(what, ours, listed, listing, at_least=3.0),
        _row(f"{what}, with its queries", whole, listed, listing, at_least=None),
        _row(f"{what}, beside a stream", ours, streamed, "dicomweb-client iter_study, to files", at_least=None),
        Row(what=f"memory above idle, {what}", unit="MB", ours=ours.peak_mb, at_most=64),
    ]


def _row(what: str, ours: Median, peer: Median, name: str, *, at_least: float | None) -> Row:
    return Row(
        what=what,
        unit="instances/s",
        ours=ours.rate,
        peer=peer.rate,
        peer_name=name,
        at_least=at_least,
        cpu_ms=ours.cpu_ms,
        peer_cpu_ms=peer.cpu_ms,
        peak_mb=ours.peak_mb,
        peer_peak_mb=peer.peak_mb,
        note=f"Orthanc was busy {ours.other_cores:.0%} of a core with ours",
    )


def _round(scene: Scene, archive: Orthanc, way: Callable[..., Work]) -> Sample:
    assert archive.server.pid
    with scene.fresh("wado") as directory:
        before = cpu_seconds(archive.server.pid)
        sample = alone(way, f"{archive.url}/dicom-web", directory)
        return replace(sample, other_cpu_seconds=cpu_seconds(archive.server.pid) - before)


def _write(instances: Iterator[pydicom.Dataset], directory: Path) -> int:
    count = 0
    for count, instance in enumerate(instances, 1):
        instance.save_as(directory / f"{count}.dcm", enforce_file_format=True)
    return count
