"""The form of `retrieve-studies`, filled in by a person in a real browser and by curl. Its picture is in the docs."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from prefect.client.orchestration import SyncPrefectClient

from examples.ct_study import made_ct_study
from examples.made_study import Examination, write_study
from tests.peers import orthanc as orthanc_peer
from tests.peers.minio import MinIO
from tests.peers.orthanc import Orthanc
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.toxiproxy import Toxiproxy
from tests.pictures import picture
from tests.site.pressing import press_submit
from tests.site.site import Site, running_site
from tests.waiting import wait_until

pytestmark = pytest.mark.peers

STUDIES = [Examination(patient=711, study=number) for number in (1, 2)]
UIDS = [str(examination.study_instance_uid) for examination in STUDIES]
USER = ("gateway", "s3cret")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An archive with two studies that asks who is there."""
    directory = tmp_path_factory.mktemp("guarded")
    with orthanc_peer.running(directory, "GUARDED", USER) as archive:
        for examination in STUDIES:
            files = write_study(made_ct_study(6, 64, 64, examination=examination), directory / str(examination.study))
            for file in files:
                httpx.post(
                    f"{archive.url}/instances", content=file.read_bytes(), auth=USER, trust_env=False
                ).raise_for_status()
        yield archive


@pytest.fixture
def site(tmp_path: Path, rabbitmq: RabbitMQ, minio: MinIO, toxiproxy: Toxiproxy, guarded: Orthanc) -> Iterator[Site]:
    """A site that has registered it."""
    archive = {"name": "archive", "url": f"{guarded.url}/dicom-web", "username": USER[0], "password": USER[1]}
    with running_site(tmp_path, rabbitmq, minio, toxiproxy, MIG_DICOMWEB_SOURCES=json.dumps([archive])) as site:
        yield site


def the_event(site: Site) -> dict[str, Any]:
    wait_until(lambda: site.new_events(wait_seconds=1), 60, "the event")
    (event,) = site.events
    return event


def requests_of(site: Site) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = httpx.get(
        f"http://127.0.0.1:{site.gateway.http_port}/inference", trust_env=False
    ).json()
    return listed


def test_a_person_asks_for_studies(site: Site, chromium: BrowserContext) -> None:
    page = chromium.new_page()
    page.set_viewport_size({"width": 1300, "height": 1150})
    page.goto(f"http://127.0.0.1:{site.gateway.prefect_port}/deployments/deployment/{deployment_id(site)}/run")
    field(page, "archive").locator("textarea").fill("archive")
    for name, items in (("studies", UIDS), ("workflows", ["lung-nodules"])):
        for number, item in enumerate(items):
            field(page, name).get_by_role("button", name="Add item").click()
            field(page, name).locator("textarea").nth(number).fill(item)
    picture(page, "retrieve-studies")
    press_submit(page)
    event = the_event(site)
    assert (event["file_count"], event["workflows"], event["trigger"]["dataService"]) == (12, ["lung-nodules"], 5)
    page.goto(run_url(site))
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=60_000)
    page.get_by_text("Artifacts", exact=True).click()
    expect(page.get_by_text("What each source gave")).to_be_visible()
    picture(page, "retrieve-studies-completed")


def test_a_script_asks_prefects_own_api(site: Site) -> None:
    parameters = {"archive": "archive", "studies": UIDS[:1], "workflows": []}
    answer = curl(site, f"deployments/{deployment_id(site)}/create_flow_run", {"parameters": parameters})
    assert the_event(site)["file_count"] == 6
    (request,) = requests_of(site)
    assert request["runId"] == answer["id"]
    assert wait_until(lambda: requests_of(site)[0]["state"] == "completed", 60, "the request to be completed")
    assert curl(site, f"flow_runs/{answer['id']}")["name"] == f"archive, 1 study, {request['requestId'][:8]}"


def test_what_is_wrong_with_the_form_is_told_by_the_run(site: Site) -> None:
    parameters = {"archive": "attic", "studies": ["Doe^Jane"]}
    answer = curl(site, f"deployments/{deployment_id(site)}/create_flow_run", {"parameters": parameters})
    with SyncPrefectClient(site.gateway.api_url) as client:
        wait_until(lambda: client.read_flow_run(UUID(answer["id"])).state_name == "Failed", 60, "the run to fail")
        state = client.read_flow_run(UUID(answer["id"])).state
    assert state
    assert "study 1 is not a UID" in (state.message or "")
    assert requests_of(site) == []


def field(page: Page, name: str) -> Locator:
    """A field of the form, by its label."""
    label = page.locator(".schema-form-property__label", has_text=re.compile(rf"^{name}( \(Optional\))?$"))
    return page.locator(".schema-form-properties > .schema-form-property", has=label)


def deployment_id(site: Site) -> str:
    return str(curl(site, "deployments/name/retrieve-studies/retrieve-studies")["id"])


def run_url(site: Site) -> str:
    (request,) = requests_of(site)
    return str(request["runUrl"])


def curl(site: Site, path: str, content: dict[str, Any] | None = None) -> Any:
    """Ask Prefect's API as docs/inference.md does."""
    command = ["curl", "--silent", "--show-error", "--fail", "--retry", "5", "--noproxy", "*"]
    command.append(f"{site.gateway.api_url}/{path}")
    command += ["-H", "Content-Type: application/json", "-d", json.dumps(content)] if content else []
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
