"""A day in the life of a gateway: whoever is on duty finds what is wrong by the page alone, and puts it right.

Nothing is done by hand on disk: others put their own parts right, and what waits goes on by itself or by a button.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path

import pika
import pytest
from minio import Minio
from playwright.sync_api import BrowserContext, Locator, Page, expect
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.presentation import build_context

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from examples.mr_study import made_mr_study
from examples.ultrasound import write_ultrasound_clip
from tests.deployments.up.gateway import QUICK_RETRIES
from tests.gateway.dimse.raw_pacs import Manners, RawPacs, raw_pacs
from tests.gateway.events.conftest import bind_durably, settings_for
from tests.gateway.exports.scene import pacs_destination, request_body
from tests.listeners.amqp.test_consumer import PROPERTIES, QUEUE
from tests.peers.minio import MinIO
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.site.site import ROUTING_KEY, Site, running_site, send
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

EXCHANGE, COMPLETE = "monaideploy", "md.export.complete"
SLICES = 4
CALLED_AE_NOT_RECOGNIZED = (1, 1, 7)  # PS3.8 9.3.4
SCANNERS = {"CT": "CT01", "MR": "MR01", "US": "US01"}
STRANGER = "CT02"
REGISTERED = [{"ae_title": title, "host": "127.0.0.1"} for title in SCANNERS.values()]
REGISTERED += [{"ae_title": STRANGER, "host": "10.1.0.17"}]

_numbers = count(1)
"""Of the studies: each is another one."""


@dataclass
class Hospital:
    """The gateway's site, its scanners, its archive, and who is on duty in front of the page."""

    site: Site
    pacs: RawPacs
    page: Page
    directory: Path

    def study(self, modality: str) -> list[Path]:
        """Make another one."""
        number = next(_numbers)
        return _made(modality, number, self.directory / f"study-{number}")

    def sends(self, how_many: int) -> set[str]:
        """Studies of three modalities in turn, each from its scanner; returns what was answered with success."""
        answered: set[str] = set()
        for modality in islice(cycle(SCANNERS), how_many):
            answered |= set(send(self.site.gateway, self.study(modality), calling_ae=SCANNERS[modality]))
        return answered

    def looks_at(self, name: str) -> Page:
        """A page of the navigation, as it is now."""
        self.page.goto(f"http://127.0.0.1:{self.site.gateway.http_port}/")
        if name != "Overview":
            self.page.get_by_role("link", name=name, exact=True).first.click()
        expect(self.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        return self.page

    def row(self, *said: str) -> Locator:
        """A row in which all of this stands."""
        found = self.page.get_by_role("row")
        for each in said:
            found = found.filter(has_text=re.compile(each))
        return found.first

    def finds_waiting(self, how_many: int, part: str, reason: str) -> None:
        """The overview says what is wrong with the part, and the list of payloads how many wait for it."""
        self.looks_at("Overview")
        expect(self.row(f"{part}\\s*down", reason)).to_be_visible(timeout=60_000)
        page = self.looks_at("Payloads")
        page.get_by_label("State").select_option("waiting")

        def all_wait() -> bool:
            page.get_by_role("button", name="Search").click()
            return page.get_by_role("table").get_by_role("link").count() == how_many

        wait_until(all_wait, 120, f"{how_many} payloads to wait")
        page.get_by_role("table").get_by_role("link").first.click()
        expect(page.get_by_text(re.compile(reason)).first).to_be_visible()

    def finds_study(self, study_instance_uid: str) -> Page:
        page = self.looks_at("Payloads")
        page.get_by_label("Study Instance UID").fill(study_instance_uid)
        page.get_by_role("button", name="Search").click()
        return page


def _made(modality: str, number: int, directory: Path) -> list[Path]:
    examination = Examination(patient=number, study=number)
    if modality == "US":
        directory.mkdir()
        clip = directory / "clip.dcm"
        write_ultrasound_clip(clip, 1, examination=examination)
        return [clip]
    make = made_ct_study if modality == "CT" else made_mr_study
    return write_study(make(SLICES, 64, 64, examination=examination), directory)


@pytest.fixture
def pacs() -> Iterator[RawPacs]:
    with raw_pacs(Manners(rejection=CALLED_AE_NOT_RECOGNIZED)) as pacs:
        yield pacs


@pytest.fixture
def hospital(
    tmp_path: Path, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy, pacs: RawPacs, chromium: BrowserContext
) -> Iterator[Hospital]:
    settings = QUICK_RETRIES | {
        "MIG_SCP__REJECT_UNKNOWN_SOURCES": "true",
        "MIG_SOURCES": json.dumps(REGISTERED),
        "MIG_DESTINATIONS": json.dumps([pacs_destination(pacs).model_dump(exclude_none=True)]),
    }
    with running_site(tmp_path / "site", rabbitmq, minio, toxiproxy, **settings) as site:
        page = chromium.new_page()
        page.set_viewport_size({"width": 1300, "height": 900})
        yield Hospital(site, pacs, page, tmp_path)


@pytest.mark.timeout(900)
def test_a_day(hospital: Hospital, minio: MinIO, rabbitmq: RabbitMQ) -> None:
    answered = _the_bucket_is_missing(hospital, minio.client())
    answered |= _most_of_the_day_nothing_is_wrong(hospital)
    answered |= _a_scanner_has_another_address(hospital)
    answered |= _a_sender_breaks_off(hospital)
    answered |= _nobody_listens_at_the_broker(hospital, rabbitmq)
    _the_archive_rejects_us(hospital, rabbitmq)
    _in_the_evening_all_is_there(hospital, answered)


def _the_bucket_is_missing(hospital: Hospital, store: Minio) -> set[str]:
    """It goes on by itself, as soon as the bucket is there."""
    store.remove_bucket(hospital.site.bucket)
    answered = hospital.sends(3)
    hospital.finds_waiting(3, "object store", "bucket")
    store.make_bucket(hospital.site.bucket)
    hospital.site.wait_for_instances(answered, within_seconds=60)
    return answered


def _most_of_the_day_nothing_is_wrong(hospital: Hospital) -> set[str]:
    answered = hospital.sends(32)
    hospital.site.wait_for_instances(answered, within_seconds=180)
    hospital.looks_at("Overview")
    expect(hospital.page.get_by_text("Nothing waits.")).to_be_visible(timeout=30_000)
    return answered


def _a_scanner_has_another_address(hospital: Hospital) -> set[str]:
    """It was given the AE title of another: the page says whose. Put right at the scanner, its study is taken."""
    files = hospital.study("CT")
    assert set(send(hospital.site.gateway, files, calling_ae=STRANGER)) == set()
    hospital.looks_at("Overview")
    expect(hospital.row("CT02 is registered for 10.1.0.17, it came from 127.0.0.1")).to_be_visible(timeout=30_000)
    hospital.looks_at("Associations").get_by_label("refused only").check()
    hospital.page.get_by_role("button", name="Search").click()
    expect(hospital.row(STRANGER, "registered for 10.1.0.17")).to_be_visible()
    return set(send(hospital.site.gateway, files, calling_ae="CT01"))


def _a_sender_breaks_off(hospital: Hospital) -> set[str]:
    """Half a study is announced, and says so; sent again, what was missing supplements it."""
    files = hospital.study("CT")
    study = dcmread(files[0], stop_before_pixels=True)
    scanner = AE(ae_title="CT01")
    scanner.requested_contexts = [build_context(study.SOPClassUID, study.file_meta.TransferSyntaxUID)]
    receiver = hospital.site.gateway.receiver
    association = scanner.associate(receiver.host, receiver.port, ae_title=receiver.ae_title)
    for file in files[: SLICES // 2]:
        assert association.send_c_store(file).Status == 0x0000
    association.abort()

    def says_so() -> bool:
        return hospital.finds_study(study.StudyInstanceUID).get_by_text("the sender broke off").is_visible()

    wait_until(says_so, 60, "the list to say that the sender broke off")
    answered = set(send(hospital.site.gateway, files, calling_ae="CT01"))
    hospital.site.wait_for_instances(answered, within_seconds=60)
    hospital.finds_study(study.StudyInstanceUID)
    expect(hospital.page.get_by_text("2 of 2", exact=True)).to_be_visible()
    hospital.page.get_by_role("table").get_by_role("link").first.click()
    expect(hospital.page.get_by_text("Supplements")).to_be_visible()
    return answered


def _nobody_listens_at_the_broker(hospital: Hospital, rabbitmq: RabbitMQ) -> set[str]:
    """The workflow manager is not there: its queue is not bound. As soon as it is, what waits is announced."""
    with rabbitmq.connection(hospital.site.virtual_host) as connection:
        connection.channel().queue_unbind(ROUTING_KEY, EXCHANGE, ROUTING_KEY)
    answered = hospital.sends(3)
    hospital.finds_waiting(3, "event broker", "no queue is bound")
    with rabbitmq.connection(hospital.site.virtual_host) as connection:
        connection.channel().queue_bind(ROUTING_KEY, EXCHANGE, ROUTING_KEY)
    hospital.site.wait_for_instances(answered, within_seconds=120)
    return answered


def _the_archive_rejects_us(hospital: Hospital, rabbitmq: RabbitMQ) -> None:
    """The destination says since when and why; the archive registers us, and the export goes out by its button."""
    site = hospital.site
    bind_durably(rabbitmq, settings_for(rabbitmq, virtual_host=site.virtual_host), COMPLETE)
    keys = sorted(key for key in site.announced_objects() if key.endswith(".dcm"))[:2]
    with rabbitmq.connection(site.virtual_host) as connection:
        properties = {**PROPERTIES, "message_id": "evening"}
        body = request_body(keys, ["pacs"], task="evening")
        connection.channel().basic_publish(EXCHANGE, QUEUE, body, pika.BasicProperties(**properties))

    def refuses() -> bool:
        hospital.looks_at("Destinations")
        return hospital.row("pacs", "refuses", "called AE title not recognized").is_visible()

    wait_until(refuses, 60, "the page to say that the archive refuses us")
    hospital.pacs.manners = Manners()
    hospital.page.get_by_role("button", name="Echo").click()
    expect(hospital.page.get_by_text("pacs answers")).to_be_visible()
    hospital.looks_at("Exports").get_by_role("table").get_by_role("link").first.click()
    hospital.page.get_by_role("button", name="Retry").click()

    def succeeded() -> bool:
        hospital.page.reload()
        return hospital.page.locator("p.state", has_text="succeeded").is_visible()

    wait_until(succeeded, 60, "the export to have succeeded")
    *_, told = rabbitmq.messages(site.virtual_host, COMPLETE, 2)
    assert json.loads(told.body)["status"] == "Success"
    assert sorted(hospital.pacs.names) == sorted(key.rpartition("/")[2].removesuffix(".dcm") for key in keys)


def _in_the_evening_all_is_there(hospital: Hospital, answered: set[str]) -> None:
    site = hospital.site
    site.wait_for_instances(answered, within_seconds=60)
    site.assert_repeats_are_the_same()
    hospital.looks_at("Overview")
    for part in ("object store", "event broker", "database", "receiver"):
        expect(hospital.row(f"{part}\\s*up")).to_be_visible(timeout=30_000)
    expect(hospital.page.get_by_text("Nothing waits.")).to_be_visible(timeout=30_000)
