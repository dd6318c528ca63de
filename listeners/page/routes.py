"""Each page of the page for people."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException
from fastapi.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from gateway.exports.listing import ExportFilter, ExportListing
from gateway.exports.states import ExportState
from gateway.inference.row import RequestState
from gateway.inference.view import view_of
from gateway.node_context import NodeContext
from gateway.operations.associations import AssociationListing, Wanted
from gateway.operations.destinations import destination_views
from gateway.operations.figures import spool_figures
from gateway.operations.status import SiteStatus, site_status
from gateway.operations.traffic import traffic
from gateway.work.commands import Commands
from listeners.api.app import Routes
from listeners.api.recent import Recent
from listeners.page.actions import add_actions
from listeners.page.foreseen import add_foreseen
from listeners.page.guard import Guard
from listeners.page.payloads import SHOWN, add_payloads
from listeners.page.rendering import Pages, said_on_a_page
from listeners.page.traffic import columns

_STATIC = Path(__file__).with_name("static")
_FILES = {"style.css": "text/css", "htmx.min.js": "text/javascript", "icon.svg": "image/svg+xml"}
_SENDERS = 10
_STATUS_SECONDS = 4.0  # is good for so long: every open page asks again every few seconds


def page_routes(node: NodeContext) -> Routes:
    """The page of a node."""
    guard = Guard()
    pages = Pages(guard)
    router = APIRouter(
        include_in_schema=False, dependencies=[Depends(guard.only_here)], route_class=said_on_a_page(pages)
    )
    _add_overview(router, pages, node)
    add_payloads(router, pages, node, guard)
    _add_lists(router, pages, node)
    add_foreseen(router, pages, node)
    add_actions(router, pages, node, guard)

    @router.get("/ui/static/{name}")
    def static(name: str) -> Response:
        if name not in _FILES:
            raise HTTPException(404)
        return FileResponse(_STATIC / name, media_type=_FILES[name], headers={"Cache-Control": "max-age=3600"})

    return Routes(router)


def _add_overview(router: APIRouter, pages: Pages, node: NodeContext) -> None:
    status = Recent(partial(site_status, node.settings), _STATUS_SECONDS)

    @router.get("/")
    async def overview() -> Response:
        return await run_in_threadpool(show, await status.get())

    def show(found: SiteStatus) -> Response:
        now = datetime.now(UTC)
        refused = Wanted(refused=True, since=now - timedelta(days=1))
        associations, spool = AssociationListing(node.database), spool_figures(node.settings)
        return pages.render(
            "overview.html",
            site=found,
            refused=associations.page(_SENDERS, wanted=refused),
            refusals=associations.count(refused),
            space=spool.space if spool else None,
            hours=columns(traffic(node.database, now)),
            dashboard=node.settings.dashboard_url,
        )


def _add_lists(router: APIRouter, pages: Pages, node: NodeContext) -> None:
    exports = ExportListing(node.database)

    @router.get("/ui/associations")
    def associations(source: str = "", refused: bool = False, open: bool = False) -> Response:  # noqa: A002
        wanted = Wanted(refused=refused, source=source.strip() or None, open=open or None)
        listing = AssociationListing(node.database)
        shown, total = listing.page(SHOWN, wanted=wanted), listing.count(wanted)
        said: dict[str, Any] = {"source": source, "refused": refused, "open": open}
        return pages.render("associations.html", views=shown, total=total, **said)

    @router.get("/ui/destinations")
    def destinations() -> Response:
        views = destination_views(node.settings, node.database)
        return pages.render("destinations.html", views=views, said=None)

    @router.get("/ui/exports")
    def list_exports(state: str = "", destination: str = "") -> Response:
        wanted = ExportState(state) if state in set(ExportState) else None
        place = destination.strip() or None
        like = ExportFilter(state=wanted, destination=place)
        shown, total = exports.page(SHOWN, wanted=like), exports.total(like)
        states = list(ExportState)
        return pages.render(
            "exports.html", views=shown, total=total, state=state, states=states, destination=destination
        )

    @router.get("/ui/exports/{export_id}")
    def export(export_id: UUID) -> Response:
        view = exports.view(export_id)
        if view is None:
            raise HTTPException(404, f"there is no export {export_id}")
        asked = Commands(node.database).of_work("export", export_id)
        return pages.render("export.html", view=view, asked=asked)

    @router.get("/ui/requests")
    def requests(state: str = "") -> Response:
        wanted = RequestState(state) if state in set(RequestState) else None
        rows = node.requests.newest(SHOWN, 0, wanted)
        views = [view_of(row, node.settings) for row in rows]
        return pages.render("requests.html", views=views, state=state, states=list(RequestState))
