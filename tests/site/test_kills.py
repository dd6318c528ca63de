"""Each process killed once, in the middle of its work: nothing that was answered is lost, nothing is announced twice
with another content."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from tests.peers.minio import MinIO
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.site.site import Site, running_site, send
from tests.waiting import wait_until

SLICES = 60


@pytest.fixture
def site(
    tmp_path: Path, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy, request: pytest.FixtureRequest
) -> Iterator[Site]:
    with running_site(tmp_path, rabbitmq, minio, toxiproxy, **getattr(request, "param", {})) as site:
        yield site


@pytest.fixture
def study(tmp_path: Path) -> list[Path]:
    return write_study(made_ct_study(SLICES, 128, 128), tmp_path / "study")


@pytest.fixture
def another_study(tmp_path: Path) -> list[Path]:
    return write_study(made_ct_study(SLICES, 128, 128, examination=Examination(study=2)), tmp_path / "another")


def uploading_child(site: Site) -> int:
    """The process of the run that is uploading now."""
    line = site.gateway.wait_for_log(r" worker +run started ")
    wait_until(site.stored_objects, 30, "the upload to have begun")
    return int(line.rpartition("process=")[2])


# On a busy machine the receiver takes longer to come back than a group is usually waited for.
@pytest.mark.parametrize(
    "site", [{"MIG_APPLICATION_ENTITIES": '[{"ae_title": "MIG", "timeout_seconds": 20}]'}], indirect=True, ids=[""]
)
def test_the_receiver_is_killed_during_a_study(site: Site, study: list[Path]) -> None:
    answered = []
    receiver = site.gateway.process_of("scp")
    for sop_instance_uid in send(site.gateway, study):
        answered.append(sop_instance_uid)
        if len(answered) == SLICES // 2:
            os.kill(receiver, signal.SIGKILL)
    assert SLICES // 2 <= len(answered) < SLICES
    site.gateway.wait_for_log(r" up +scp was killed by SIGKILL; starting it again")
    wait_until(lambda: site.gateway.log.count(" scp      receiver ready ") == 2, 20, "the receiver to be back")
    answered += send(site.gateway, study)  # a modality sends the whole study again
    assert len(set(answered)) == SLICES
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
