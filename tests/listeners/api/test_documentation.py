"""The page at /docs, in a browser that reaches nothing but the API."""

from playwright.sync_api import BrowserContext, Route, expect

from tests.listeners.api.service import Api


def test_the_page_shows_every_operation_without_the_internet(api: Api, chromium: BrowserContext) -> None:
    asked_elsewhere = []

    def keep_to_the_api(route: Route) -> None:
        if route.request.url.startswith(api.url):
            route.continue_()
        else:
            asked_elsewhere.append(route.request.url)
            route.abort()

    chromium.route("**/*", keep_to_the_api)
    page = chromium.new_page()
    page.goto(f"{api.url}/docs")
    expect(page.get_by_role("heading", name="Informatics gateway")).to_be_visible(timeout=30_000)
    for operation in ("/inference", "/inference/status/{transaction_id}", "/exports"):
        expect(page.locator(f'[data-path="{operation}"]').first).to_be_visible()
    assert asked_elsewhere == []
