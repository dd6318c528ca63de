"""Exports over HTTP: the body of an export request is taken as from the broker, and what became of it is shown.

    POST /exports               202 once it is durable, 200 where it is known already
    GET  /exports               the newest first, by state and destination, in pages
    GET  /exports/{id}          destination by destination, file by file
    POST /exports/{id}/retry    202: what is missing is sent now

What goes wrong is told as a problem of RFC 9457.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from gateway.errors import UnreadableRequest
from gateway.exports.ledger import ExportLedger
from gateway.exports.listing import ExportDetail, ExportListing, ExportView
from gateway.exports.request import ExportRequest, read_export_request
from gateway.exports.states import ExportState
from gateway.exports.wishes import NothingToDo, ask_to_retry
from listeners.api.problems import problem

log = structlog.get_logger(__name__)


def exports_router(ledger: ExportLedger) -> APIRouter:
    """The routes, on a ledger that several threads may use."""
    router = APIRouter(tags=["exports"])
    listing = ExportListing(ledger.engine)

    @router.post("/exports", status_code=HTTPStatus.ACCEPTED, response_model=None)
    async def submit(request: Request) -> Response:
        """Ask for an export: answered once it would survive a power cut."""
        try:
            asked = read_export_request(await request.body())
        except UnreadableRequest as error:
            return problem(HTTPStatus.BAD_REQUEST, "The request can't be understood", str(error))
        return await run_in_threadpool(_record, ledger, asked)

    @router.get("/exports", response_model=list[ExportView])
    def list_exports(
        state: ExportState | None = None,
        destination: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 20,
        page: Annotated[int, Query(ge=1)] = 1,
    ) -> list[ExportView]:
        """List exports, the newest first."""
        return listing.page(limit, (page - 1) * limit, state=state, destination=destination)

    @router.get("/exports/{export_id}", response_model=ExportDetail)
    def show(export_id: UUID) -> ExportDetail | Response:
        """Show an export, file by file."""
        return listing.view(export_id) or _unknown(export_id)

    @router.post("/exports/{export_id}/retry", status_code=HTTPStatus.ACCEPTED, response_model=None)
    def retry(export_id: UUID) -> Response:
        """Send what is missing now."""
        return _retry(ledger, export_id)

    return router


def _record(ledger: ExportLedger, asked: ExportRequest) -> Response:
    is_new = ledger.record(asked, datetime.now(UTC))
    log.info("export requested" if is_new else "export requested again", export=str(asked.export_id))
    status = HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK
    headers = {"Location": f"/exports/{asked.export_id}"}
    return JSONResponse({"id": str(asked.export_id), "is_new": is_new}, status, headers)


def _retry(ledger: ExportLedger, export_id: UUID) -> Response:
    row = ledger.row(export_id)
    if row is None:
        return _unknown(export_id)
    try:
        ask_to_retry(ledger, row)
    except NothingToDo as error:
        return problem(HTTPStatus.CONFLICT, "There is nothing to retry", str(error))
    return JSONResponse({"id": str(export_id)}, HTTPStatus.ACCEPTED)


def _unknown(export_id: UUID) -> Response:
    return problem(HTTPStatus.NOT_FOUND, "No such export", f"there is no export {export_id}")
