"""Each process killed once, in the middle of its work: nothing that was answered is lost, nothing is announced twice
with another content."""

import json
import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from tests.deployments.commands.mig import Mig
from tests.peers.minio import MinIO
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.site.site import Site, running_site, send
from tests.waiting import wait_until

SLICES = 60
PATIENT_AE = "MIG-PATIENT"
"""However long the receiver takes to come back, its group is still open."""

_numbers = count()
"""Of the studies: each is another one."""


@pytest.fixture(scope="module")
def _site(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy
) -> Iterator[Site]:
    ae_titles = [{"ae_title": "MIG", "timeout_seconds": 1}, {"ae_title": PATIENT_AE, "timeout_seconds": 600}]
    settings = {"MIG_APPLICATION_ENTITIES": json.dumps(ae_titles)}
    with running_site(tmp_path_factory.mktemp("site"), rabbitmq, minio, toxiproxy, **settings) as site:
        yield site


@pytest.fixture
def site(_site: Site) -> Iterator[Site]:
    """One for all: what is killed comes back."""
    _site.begin()
    yield _site
    _site.to_store.restore()
    wait_until(lambda: all(run.state and run.state.is_final() for run in _site.runs()), 60, "every run to be over")


@pytest.fixture
def study(tmp_path: Path) -> list[Path]:
    return new_study(tmp_path / "study")


@pytest.fixture
def another_study(tmp_path: Path) -> list[Path]:
    return new_study(tmp_path / "another")


def new_study(directory: Path) -> list[Path]:
    return write_study(made_ct_study(SLICES, 128, 128, examination=Examination(study=next(_numbers))), directory)


def uploading_child(site: Site) -> int:
    """The process of the run that is uploading now."""
    line = site.gateway.wait_for_log(r" worker +run started ")
    wait_until(lambda: site.stored_objects() - site.stored_before, 30, "the upload to have begun")
    return int(line.rpartition("process=")[2])


def test_the_receiver_is_killed_during_a_study(site: Site, study: list[Path]) -> None:
    answered = []
    receiver = site.gateway.process_of("scp")
    for sop_instance_uid in send(site.gateway, study, called_ae=PATIENT_AE):
        answered.append(sop_instance_uid)
        if len(answered) == SLICES // 2:
            os.kill(receiver, signal.SIGKILL)
    assert SLICES // 2 <= len(answered) < SLICES
    site.gateway.wait_for_log(r" up +scp was killed by SIGKILL; starting it again")
    site.gateway.wait_for_log(" scp      receiver ready ")
    answered += send(site.gateway, study, called_ae=PATIENT_AE)  # a modality sends the whole study again
    assert len(set(answered)) == SLICES
    mig = Mig(site.gateway.server.home, dict(site.gateway.server.environment))
    (open_group,) = mig("payload", "list", "--state", "open", "--json").rows
    assert mig("payload", "close", open_group["id"]).exit_code == 0
    site.wait_for_instances(answered, within_seconds=60)
    assert len(site.payload_ids()) == 1, "the group was open again under its payload id"
    site.assert_repeats_are_the_same()


def test_the_child_of_a_run_is_killed_during_the_upload(site: Site, study: list[Path]) -> None:
    site.to_store.limit(bytes_per_second=300_000)
    answered = list(send(site.gateway, study))
    os.kill(uploading_child(site), signal.SIGKILL)
    site.gateway.wait_for_log(r" worker +run ended .*exit_code=-9")
    site.to_store.restore()
    site.wait_for_instances(answered, within_seconds=60)
    site.assert_repeats_are_the_same()


def test_the_worker_is_killed_during_the_upload(site: Site, study: list[Path]) -> None:
    site.to_store.limit(bytes_per_second=300_000)
    answered = list(send(site.gateway, study))
    child = uploading_child(site)
    os.kill(site.gateway.process_of("worker"), signal.SIGKILL)
    wait_until(lambda: child not in site.gateway.processes(), 10, "the child to end with its worker")
    site.to_store.restore()
    site.wait_for_instances(answered, within_seconds=60)
    site.assert_repeats_are_the_same()


def test_the_prefect_server_is_killed_during_the_upload(
    site: Site, study: list[Path], another_study: list[Path]
) -> None:
    site.to_store.limit(bytes_per_second=300_000)
    answered = list(send(site.gateway, study))
    uploading_child(site)
    os.kill(site.gateway.process_of("prefect"), signal.SIGKILL)
    answered += send(site.gateway, another_study)
    site.to_store.restore()
    site.wait_for_instances(answered, within_seconds=120)
    site.assert_repeats_are_the_same()


def test_everything_is_killed_while_a_study_comes_in_and_another_is_uploaded(
    site: Site, study: list[Path], another_study: list[Path]
) -> None:
    site.to_store.limit(bytes_per_second=300_000)
    answered = list(send(site.gateway, study))
    uploading_child(site)
    for sop_instance_uid in send(site.gateway, another_study):
        answered.append(sop_instance_uid)
        if len(answered) == SLICES + SLICES // 2:
            site.gateway.signal(signal.SIGKILL)
    wait_until(lambda: site.gateway.processes() == [], 10, "every process to be gone")
    site.to_store.restore()
    site.gateway.start()
    site.wait_for_instances(answered, within_seconds=120)
    assert len(site.payload_ids()) == 2
    site.assert_repeats_are_the_same()
