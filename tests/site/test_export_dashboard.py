"""An export whose destination is down, as an operator meets it in the dashboard. The pictures are in test-output/."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from gateway.exports.states import ExportState
from tests.deployments.up.gateway import QUICK_RETRIES
from tests.gateway.dimse.raw_pacs import raw_pacs
from tests.gateway.exports.scene import pacs_destination
from tests.peers.ports import free_port
from tests.pictures import picture
from tests.site.exporting import ExportSite, running_export_site
from tests.site.pressing import press_retry


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ExportSite]:
    with running_export_site(tmp_path, **QUICK_RETRIES) as site:
        yield site


def test_a_destination_that_is_down_is_waited_for_then_failed_and_retried_with_the_button(
    site: ExportSite, chromium: BrowserContext
) -> None:
    with raw_pacs() as pacs:
        there = pacs_destination(pacs)
        away = there.model_copy(update={"port": free_port()})
        site.register(away)
        export_id = site.ask(site.put_some(3), "pacs")
        site.wait_for(export_id, ExportState.WAITING)
        run = site.run_of(export_id)
        page = chromium.new_page()
        page.set_viewport_size({"width": 1500, "height": 1000})
        page.goto(f"http://127.0.0.1:{site.gateway.prefect_port}/runs/flow-run/{run.id}")
        expect(page.get_by_text("export → pacs, 3 files").first).to_be_visible(timeout=30_000)
        expect(page.get_by_text("AwaitingRetry").first).to_be_visible(timeout=30_000)
        expect(page.get_by_text("Waits for destination pacs: ").first).to_be_visible()
        expect(page.get_by_text("connection refused").first).to_be_visible()
        expect(page.get_by_text("Tries again by ").first).to_be_visible()
        page.get_by_text("Tries again by ").first.scroll_into_view_if_needed()
        picture(page, "export-waits")
        site.register(away.model_copy(update={"retry_for_seconds": 1}))  # it has been away for longer
        assert site.mig("export", "retry", str(export_id)).exit_code == 0
        site.wait_for(export_id, ExportState.FAILED)
        expect(page.get_by_text("Failed", exact=True).first).to_be_visible(timeout=60_000)
        expect(page.get_by_text("pacs: 3 of 3 files not stored: ").first).to_be_visible(timeout=30_000)
        picture(page, "export-failed")
        site.register(there)
        press_retry(page)
        site.wait_for(export_id, ExportState.SUCCEEDED)
        expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=60_000)
        page.get_by_text("Artifacts", exact=True).click()
        expect(page.get_by_text("What went where, and what did not").first).to_be_visible(timeout=30_000)
        picture(page, "export-retried")
        assert pacs.names == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    assert [told["status"] for told in site.told(export_id, 2)] == ["Failure", "Success"]
