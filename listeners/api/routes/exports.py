"""Exports over HTTP: the body of an export request is taken as from the broker, and what became of it is shown.

    POST /exports               202 once it is durable, 200 where it is known already; with dryRun=true nothing is
                                recorded: 200, and what would be sent where
    GET  /exports               the newest first, by state, destination and payload, in pages
    GET  /exports/{id}          destination by destination, file by file

What goes wrong is told as a problem of RFC 9457.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from gateway.errors import SettingsError, StoreRefused, StoreUnavailable, UnreadableRequest
from gateway.exports.ledger import ExportLedger
from gateway.exports.listing import ExportDetail, ExportFilter, ExportListing, ExportView
from gateway.exports.request import ExportRequest, read_export_request
from gateway.exports.states import ExportState
from gateway.node_context import NodeContext
from gateway.operations.foreseeing.export import ForeseenExport, foreseen_export
from listeners.api.app import Routes
from listeners.api.openapi import json_body
from listeners.api.problems import described, problem

log = structlog.get_logger(__name__)


EXAMPLE = {
    "workflow_instance_id": "8a3b6f0e-5d0c-4c55-8f0e-0f9d3e0c7a11",
    "export_task_id": "c41d2a9b-74f5-4a52-9a0e-2f1f9f6f2b12",
    "correlation_id": "0c1f3d5e-1a2b-4c3d-8e4f-5a6b7c8d9e0f",
    "files": ["42f2de7e-0c0f-41d3-a82b-c49fcd3b2f0f/dcm/1.2/1.2.3/1.2.3.4.dcm"],
    "destinations": ["pacs", "vna"],
}

_Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Path = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class SubmittedExport(BaseModel):
    """An export request, as MONAI Deploy's ExportRequestEvent has it. Other properties are ignored."""

    workflow_instance_id: _Id
    export_task_id: _Id
    correlation_id: _Id | None = None
    payload_id: str | None = None
    files: list[_Path] | None = Field(None, description="keys of objects in the bucket")
    destinations: list[_Id] | None = Field(None, description="names of registered destinations, or transactionIDs")


class Recorded(BaseModel):
    """The request is durable."""

    id: UUID
    is_new: bool


def exports_routes(node: NodeContext) -> Routes:
    """The routes of a node, whose ledger several threads may use."""
    ledger = node.exports
    router = APIRouter(prefix="/exports", tags=["exports"])
    listing = ExportListing(ledger.engine)

    @router.post(
        "",
        status_code=HTTPStatus.ACCEPTED,
        summary="Ask for an export",
        response_model=Recorded,
        responses=described(400, 408, 413, 422, 503)
        | {200: {"model": Recorded | ForeseenExport, "description": "It was known already; or what a dry run says."}},
        openapi_extra=json_body(SubmittedExport, {"two destinations": EXAMPLE}),
    )
    async def submit(
        request: Request, dry_run: Annotated[bool, Query(alias="dryRun", description="record nothing")] = False
    ) -> Response:
        """Answered once it would survive a power cut; a dry run says what would be sent where, and what be told."""
        try:
            asked = read_export_request(await request.body())
        except UnreadableRequest as error:
            status = HTTPStatus.BAD_REQUEST if "body" in error.problems else HTTPStatus.UNPROCESSABLE_ENTITY
            return problem(status, "The request can't be understood", errors=error.problems)
        if dry_run:
            return await run_in_threadpool(foreseen_answer, partial(foreseen_export, node, asked))
        return await run_in_threadpool(_record, ledger, asked)

    @router.get("", summary="The exports, the newest first", responses=described(400, 503))
    def listed(
        state: ExportState | None = None,
        destination: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
        payload: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="its id")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 20,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> list[ExportView]:
        return listing.page(limit, (page - 1) * limit, ExportFilter(state, destination, payload))

    @router.get(
        "/{export_id:uuid}",  # `retry` is none
        summary="An export, file by file",
        response_model=ExportDetail,
        responses=described(404, 503),
    )
    def show(export_id: UUID) -> ExportDetail | Response:
        return listing.view(export_id) or _unknown(export_id)

    return Routes(router, (SubmittedExport,))


def _record(ledger: ExportLedger, asked: ExportRequest) -> Response:
    is_new = ledger.record(asked, datetime.now(UTC))
    log.info("export requested" if is_new else "export requested again", export=str(asked.export_id))
    status = HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK
    headers = {"Location": f"/exports/{asked.export_id}"}
    return JSONResponse({"id": str(asked.export_id), "is_new": is_new}, status, headers)


def foreseen_answer(foresee: Callable[[], ForeseenExport]) -> Response:
    """The answer to who asks for a dry run, of an export request or of a payload."""
    try:
        foreseen = foresee()
    except (StoreUnavailable, StoreRefused) as error:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The object store can't be asked", str(error))
    except SettingsError as error:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The settings can't be read", str(error))
    return JSONResponse(jsonable_encoder(foreseen))


def _unknown(export_id: UUID) -> Response:
    return problem(HTTPStatus.NOT_FOUND, "No such export", f"there is no export {export_id}")
