"""Buttons of the dashboard, pressed as a person does: again where Prefect on SQLite was busy just then (HTTP 503)."""

import re

from playwright.sync_api import Page

from tests.waiting import wait_until


def press_submit(page: Page) -> None:
    """Submit a form that starts a run."""

    def is_taken() -> bool:
        with page.expect_response(re.compile(r"/create_flow_run$")) as answer:
            page.get_by_role("button", name="Submit").click()
        return answer.value.ok

    wait_until(is_taken, 60, "the form to be taken")


def press_retry(page: Page) -> None:
    """Retry the run whose page is open."""

    def is_taken() -> bool:
        page.get_by_role("button", name="Retry").click()
        with page.expect_response(re.compile(r"/set_state$")) as answer:
            page.get_by_role("dialog").get_by_role("button", name="Retry").click()
        return answer.value.ok

    wait_until(is_taken, 60, "the retry to be taken")
