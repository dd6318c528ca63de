"""The page in a real browser, at a phone's width and by keyboard."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gateway.associations.store import AssociationStore
from gateway.config import DimseDestination, LocalStoreSettings, Settings
from gateway.config.sections import ApiSettings, PrefectSettings
from gateway.node_context import NodeContext
from gateway.work.commands import Commands
from listeners.api.app import create_app
from listeners.page.routes import page_routes
from tests.deployments.commands.mig import used_site
from tests.gateway.associations.records import rejected, stored
from tests.gateway.exports.scene import Scene
from tests.listeners.api.serving import serving
from tests.listeners.page.test_page import NOW, announced_payload

SETTINGS = """
[object_store]
kind = "local"
path = "{objects}"
[[destinations]]
kind = "dimse"
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = 9
"""


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeContext]:
    objects = tmp_path / "objects"
    (tmp_path / "gateway.toml").write_text(SETTINGS.format(objects=objects))
    monkeypatch.setenv("MIG_CONFIG", str(tmp_path / "gateway.toml"))
    settings = Settings(
        data_dir=used_site(tmp_path),
        prefect=PrefectSettings(api_url="http://127.0.0.1:9/api"),
        object_store=LocalStoreSettings(path=objects),
        destinations=(DimseDestination(name="pacs", ae_title="PACS", host="127.0.0.1", port=9),),
    )
    with closing(NodeContext(settings)) as node:
        yield node


@pytest.fixture
def phone(node: NodeContext, chromium: BrowserContext) -> Iterator[Page]:
    with serving(create_app(ApiSettings(), [page_routes(node)])) as client:
        page = chromium.new_page()
        page.set_viewport_size({"width": 400, "height": 800})
        page.goto(str(client.base_url))
        yield page


def press(page: Page, button: str) -> None:
    """By keyboard alone."""
    page.get_by_role("button", name=button).focus()
    page.keyboard.press("Enter")


def fits(page: Page) -> bool:
    """Nothing has to be scrolled sideways, neither the page nor what is in it."""
    return bool(
        page.evaluate(
            "[document.documentElement, document.querySelector('main')].every(e => e.scrollWidth <= e.clientWidth)"
        )
    )


def test_what_would_be_sent_of_a_payload_is_read_before_it_is_sent(
    node: NodeContext, phone: Page, tmp_path: Path
) -> None:
    payload_id = announced_payload(node)
    key = Scene(tmp_path, node.exports).put_bytes(f"{payload_id}/dcm/1.2.3/1.2.3.4/1.2.3.4.5.dcm", b"image")
    phone.goto(f"{phone.url}ui/payloads/{payload_id}")
    press(phone, "What would be sent")
    expect(phone.get_by_role("status")).to_contain_text("1 of 1 file would go to pacs")
    expect(phone.get_by_text(key)).to_be_visible()
    assert fits(phone)
    assert Commands(node.database).of_work("payload", payload_id) == []
    phone.get_by_text("Send to pacs").focus()
    phone.keyboard.press("Enter")
    press(phone, "Yes, send")
    expect(phone.get_by_role("cell", name="send to pacs")).to_be_visible()


LINES = """element => {
    const text = document.createRange();
    text.selectNodeContents(element);
    return new Set([...text.getClientRects()].map(line => line.top)).size;
}"""
HEADS = "element => getComputedStyle(element, '::before').content"


def test_on_a_phone_nothing_is_cut_off_and_each_figure_says_what_it_is(node: NodeContext, phone: Page) -> None:
    payload_id = announced_payload(node)
    store = AssociationStore(node.database)
    store.take_in([stored(calling_ae="A_LONG_AE_TITLE_", payload_ids=(payload_id,))], node.node_id)
    overview = phone.url
    for path in (
        "ui/payloads",
        f"ui/payloads/{payload_id}",
        "ui/exports",
        "ui/explain?calling=A&called=B&address=10.1.0.1",
    ):
        phone.goto(f"{overview}{path}")
        assert fits(phone), path
    phone.goto(f"{overview}ui/associations")
    sender = phone.get_by_role("cell", name="A_LONG_AE_TITLE_")
    assert sender.evaluate(HEADS) == '"from "'
    assert sender.evaluate(LINES) == 1, "a word is in one piece"


def test_words_are_in_one_piece_on_a_screen(node: NodeContext, phone: Page) -> None:
    """They were broken where a long reason stood beside them."""
    at_ns = int(NOW.timestamp() * 1e9)
    refusal = rejected(began_ns=at_ns, ended_ns=at_ns, calling_ae="STRANGER", reason="why " * 60)
    AssociationStore(node.database).take_in([refusal], node.node_id)
    phone.set_viewport_size({"width": 1300, "height": 800})
    phone.goto(phone.url)
    cell = phone.get_by_role("cell", name="STRANGER", exact=True)
    assert cell.evaluate(LINES) == 1
