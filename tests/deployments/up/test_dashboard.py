"""The dashboard of `mig up`, in a browser that finds it under another name than it was started with."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.deployments.up.gateway import Gateway


@pytest.mark.peers
def test_the_dashboard_shows_our_deployment_on_any_port_and_name(tmp_path: Path, chromium: BrowserContext) -> None:
    gateway = Gateway(tmp_path, MIG_PREFECT__HOST="0.0.0.0").start()
    try:
        page = chromium.new_page()
        page.goto(f"http://localhost:{gateway.prefect_port}/deployments")
        expect(page.get_by_text("ingest").first).to_be_visible(timeout=30_000)
    finally:
        gateway.stop()
