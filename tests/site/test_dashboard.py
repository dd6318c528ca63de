"""Prefect's dashboard and our page as an operator sees them, in a real browser. Pictures are kept in test-output/."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from prefect.client.schemas.objects import FlowRun
from pydicom import dcmread

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from gateway.spool.area import scp_area
from tests.deployments.up.gateway import QUICK_RETRIES
from tests.peers.dcmtk import ApplicationEntity, Dcmtk
from tests.peers.minio import MinIO
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.pictures import picture
from tests.site.pressing import press_retry
from tests.site.site import Site, running_site, send
from tests.waiting import wait_until

_numbers = count()
"""Of the studies: each is another one."""


@pytest.fixture(scope="module")
def _site(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy
) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), rabbitmq, minio, toxiproxy, **QUICK_RETRIES) as site:
        yield site


@pytest.fixture
def site(_site: Site) -> Site:
    """One for all: each looks at the run of its own study."""
    _site.begin()
    return _site


@pytest.fixture
def study(tmp_path: Path) -> list[Path]:
    return write_study(made_ct_study(12, 128, 128, examination=Examination(study=next(_numbers))), tmp_path / "study")


def run_in_state(site: Site, state: str, within_seconds: float = 60) -> FlowRun:
    def found() -> list[FlowRun]:
        return [run for run in site.runs() if run.state_name == state]

    return wait_until(found, within_seconds, f"a run to be {state}")[0]


def open_run(site: Site, browser: BrowserContext, run: FlowRun) -> Page:
    page = browser.new_page()
    page.set_viewport_size({"width": 1500, "height": 1000})
    page.goto(f"http://127.0.0.1:{site.gateway.prefect_port}/runs/flow-run/{run.id}")
    return page


def test_a_run_has_a_telling_name_and_shows_its_tasks_and_what_was_stored(
    site: Site, study: list[Path], chromium: BrowserContext
) -> None:
    answered = list(send(site.gateway, study))
    site.wait_for_instances(answered, within_seconds=60)
    run = run_in_state(site, "Completed")
    page = open_run(site, chromium, run)
    expect(page.get_by_text("MIG ← CT01, 12 instances").first).to_be_visible(timeout=30_000)
    page.get_by_text("Task Runs", exact=True).click()
    for task in ("assemble", "upload", "notify", "clear"):
        expect(page.get_by_text(task, exact=True).first).to_be_visible()
    page.get_by_text("Artifacts", exact=True).click()
    expect(page.get_by_text("What was stored, and where it lies")).to_be_visible()
    picture(page, "run-completed")
    page.get_by_text("What was stored, and where it lies").click()
    expect(page.get_by_text("DIMSE CT01 → MIG")).to_be_visible()
    expect(page.get_by_text(site.bucket).first).to_be_visible()
    picture(page, "artifact")


def test_a_run_that_waits_shows_why_and_until_when_and_its_retries(
    site: Site, study: list[Path], chromium: BrowserContext
) -> None:
    site.to_store.cut()
    answered = list(send(site.gateway, study))
    run = run_in_state(site, "AwaitingRetry")
    page = open_run(site, chromium, run)
    expect(page.get_by_text("AwaitingRetry").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Waits for the object store: ").first).to_be_visible()
    expect(page.get_by_text("Tries again by ").first).to_be_visible()
    expect(page.get_by_text("tried again within seconds (1 of 4)").first).to_be_visible()
    page.get_by_text("Waits for the object store: ").first.scroll_into_view_if_needed()
    picture(page, "run-waits")
    site.to_store.restore()
    site.wait_for_instances(answered, within_seconds=60)


def test_a_run_that_failed_for_good_is_put_right_and_retried_with_the_button(
    site: Site, study: list[Path], chromium: BrowserContext
) -> None:
    site.to_store.cut()
    answered = list(send(site.gateway, study))
    run_in_state(site, "AwaitingRetry")
    (file, *_) = scp_area(site.gateway.data_dir / "spool").incoming.glob("*/*.dcm")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    site.to_store.restore()
    run = run_in_state(site, "Failed")
    page = open_run(site, chromium, run)
    expect(page.get_by_text("1 of 12 files are not what was received").first).to_be_visible(timeout=30_000)
    picture(page, "run-failed")
    file.write_bytes(whole)
    press_retry(page)
    site.wait_for_instances(answered, within_seconds=60)
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=30_000)
    picture(page, "run-retried")


def open_page(site: Site, browser: BrowserContext) -> tuple[Page, list[str]]:
    """Our own page, and what its console complains of: a script or a style that its policy does not let in, say."""
    page, complaints = browser.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(f"http://127.0.0.1:{site.gateway.http_port}/")
    return page, complaints


def test_a_study_is_found_on_the_page_put_right_and_retried_there(
    site: Site, study: list[Path], chromium: BrowserContext
) -> None:
    site.to_store.cut()
    answered = list(send(site.gateway, study))
    run_in_state(site, "AwaitingRetry")
    page, complaints = open_page(site, chromium)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("object store down"))).to_be_visible(timeout=30_000)
    picture(page, "page-overview")
    page.get_by_role("link", name="Payloads").click()
    page.get_by_label("Study Instance UID").fill(str(dcmread(study[0], stop_before_pixels=True).StudyInstanceUID))
    page.get_by_role("button", name="Search").click()
    picture(page, "page-payloads")
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_text("Waits for the object store").first).to_be_visible()
    picture(page, "page-payload")
    site.to_store.restore()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("cell", name="retry", exact=True)).to_be_visible(timeout=30_000)
    expect(page.locator("p.state", has_text="announced")).to_be_visible(timeout=60_000)  # by itself, as it is live
    site.wait_for_instances(answered, within_seconds=60)
    assert complaints == []


def test_who_came_and_who_was_refused_is_read_at_night(
    site: Site, study: list[Path], chromium: BrowserContext, dcmtk: Dcmtk
) -> None:
    answered = list(send(site.gateway, study))
    dcmtk.echoscu(ApplicationEntity("MIGG", site.gateway.dicom_port), calling="CT01")
    page, complaints = open_page(site, chromium)
    page.emulate_media(color_scheme="dark")
    page.get_by_role("link", name="Associations", exact=True).click()

    def both_are_there() -> bool:
        page.reload()
        rows = page.get_by_role("row")
        return bool(rows.filter(has_text="MIGG").count() and rows.filter(has_text="released").count())

    wait_until(both_are_there, 30, "who came and who was refused to be listed")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 27)"
    picture(page, "page-associations-dark")
    assert complaints == []
    site.wait_for_instances(answered, within_seconds=60)


def test_the_page_is_read_on_a_phone_and_by_keyboard(site: Site, chromium: BrowserContext) -> None:
    page, complaints = open_page(site, chromium)
    page.set_viewport_size({"width": 390, "height": 800})
    for name in ("Overview", "Payloads", "Associations", "Destinations", "Exports", "Requests", "What if"):
        page.get_by_role("link", name=name, exact=True).first.click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    page.get_by_role("link", name="Overview", exact=True).first.click()
    picture(page, "page-phone")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    assert complaints == []
