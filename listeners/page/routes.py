"""Each page of the page for people."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.responses import FileResponse, Response

from gateway.destinations.listing import destination_views
from gateway.exports.listing import ExportFilter, ExportListing
from gateway.exports.states import ExportState
from gateway.inference.row import RequestState
from gateway.inference.view import view_of
from gateway.node_context import NodeContext
from gateway.operations.associations import AssociationListing, Wanted
from gateway.operations.figures import spool_figures
from gateway.operations.payload_view import PayloadState
from gateway.operations.payloads import payload_list
from gateway.operations.status import SiteStatus, site_status
from gateway.operations.traffic import traffic
from gateway.payloads.finding import PayloadFilter
from gateway.work.commands import Commands
from listeners.api.app import Routes
from listeners.api.recent import Recent
from listeners.page.actions import add_actions
from listeners.page.guard import Guard
from listeners.page.rendering import Pages
from listeners.page.timeline import WIDTH, timeline
from listeners.page.traffic import columns

_STATIC = Path(__file__).with_name("static")
_FILES = {"style.css": "text/css", "htmx.min.js": "text/javascript", "icon.svg": "image/svg+xml"}
_SHOWN = 50
_STATUS_SECONDS = 4.0  # is good for so long: every open page asks again every few seconds
_SENDERS = 10
_SENT = 10


class PayloadForm(BaseModel):
    """What is filled in above the list of payloads. An empty field is one that does not matter."""

    study: str = ""
    ae: str = ""
    state: str = ""
    hours: str = ""
    after: UUID | None = None

    @property
    def filter(self) -> PayloadFilter:
        since = datetime.now(UTC) - timedelta(hours=int(self.hours)) if self.hours.isdecimal() else None
        return PayloadFilter(study=self.study.strip() or None, ae=self.ae.strip() or None, since=since)

    @property
    def in_state(self) -> PayloadState | None:
        return PayloadState(self.state) if self.state in set(PayloadState) else None


def page_routes(node: NodeContext) -> Routes:
    """The page of a node."""
    guard = Guard()
    pages = Pages(guard)
    router = APIRouter(include_in_schema=False, dependencies=[Depends(guard.only_here)])
    _add_overview(router, pages, node)
    _add_payloads(router, pages, node)
    _add_lists(router, pages, node)
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
            destinations=destination_views(node.settings, node.database),
            space=spool.space if spool else None,
            hours=columns(traffic(node.database, now)),
            dashboard=node.settings.dashboard_url,
        )


def _add_payloads(router: APIRouter, pages: Pages, node: NodeContext) -> None:
    @router.get("/ui/payloads")
    def payloads(form: Annotated[PayloadForm, Query()]) -> Response:
        listing = payload_list(node.settings, node.payloads)
        views = listing.page(_SHOWN + 1, form.filter, form.in_state, form.after)
        return pages.render(
            "payloads.html",
            form=form,
            states=list(PayloadState),
            views=views[:_SHOWN],
            after=views[_SHOWN - 1].id if len(views) > _SHOWN else None,
            total=listing.total(form.filter, form.in_state),
            prefect_is_away=listing.prefect_is_away,
        )

    @router.get("/ui/payloads/{payload_id}")
    def payload(payload_id: UUID) -> Response:
        view = payload_list(node.settings, node.payloads).find(payload_id)
        if view is None:
            raise HTTPException(404)
        associations = AssociationListing(node.database).page(_SENDERS, wanted=Wanted(payload_id=payload_id))
        return pages.render(
            "payload.html",
            view=view,
            bucket=node.settings.object_store.bucket,
            steps=timeline(view),
            width=WIDTH,
            associations=associations,
            exports=ExportListing(node.database).page(_SENT, wanted=ExportFilter(payload=str(payload_id))),
            asked=Commands(node.database).of_work("payload", payload_id),
            run_url=node.settings.run_url(view.run_id),
        )


def _add_lists(router: APIRouter, pages: Pages, node: NodeContext) -> None:
    exports = ExportListing(node.database)

    @router.get("/ui/associations")
    def associations(source: str = "", refused: bool = False) -> Response:
        wanted = Wanted(refused=refused, source=source.strip() or None)
        listing = AssociationListing(node.database)
        shown, total = listing.page(_SHOWN, wanted=wanted), listing.count(wanted)
        return pages.render("associations.html", views=shown, total=total, source=source, refused=refused)

    @router.get("/ui/destinations")
    def destinations() -> Response:
        views = destination_views(node.settings, node.database)
        return pages.render("destinations.html", views=views, said=None)

    @router.get("/ui/exports")
    def list_exports(state: str = "", destination: str = "") -> Response:
        wanted = ExportState(state) if state in set(ExportState) else None
        place = destination.strip() or None
        like = ExportFilter(state=wanted, destination=place)
        shown, total = exports.page(_SHOWN, wanted=like), exports.total(like)
        states = list(ExportState)
        return pages.render(
            "exports.html", views=shown, total=total, state=state, states=states, destination=destination
        )

    @router.get("/ui/exports/{export_id}")
    def export(export_id: UUID) -> Response:
        view = exports.view(export_id)
        if view is None:
            raise HTTPException(404)
        asked = Commands(node.database).of_work("export", export_id)
        return pages.render("export.html", view=view, asked=asked)

    @router.get("/ui/requests")
    def requests(state: str = "") -> Response:
        wanted = RequestState(state) if state in set(RequestState) else None
        rows = node.requests.newest(_SHOWN, 0, wanted)
        views = [view_of(row, node.settings) for row in rows]
        return pages.render("requests.html", views=views, state=state, states=list(RequestState))
