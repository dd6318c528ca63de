"""Inference requests of the ACR DSI, as MIG takes them: `POST /inference`, and what became of them."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from gateway.acr.wire import SubmittedRequest
from gateway.config import Settings
from gateway.errors import AlreadyKnown, InvalidRequest, SettingsError, UnreadableRequest
from gateway.inference.acceptance import RequestAcceptance, note
from gateway.inference.identity import request_id
from gateway.inference.row import RequestState
from gateway.inference.view import RequestView, view_of
from listeners.api.app import Routes
from listeners.api.openapi import json_body
from listeners.api.problems import described, problem

_ALGORITHM = {"interface": "Algorithm", "connectionDetails": {"name": "lung nodules", "id": "lung-nodules-2"}}
_ARCHIVE = {
    "interface": "DICOMweb",
    "connectionDetails": {
        "uri": "https://archive.hospital/dicom-web",
        "authType": "Basic",
        "authID": "dXNlcjpwYXNzd29yZA==",
        "operations": ["QUERY", "RETRIEVE"],
    },
}
_FHIR = {"interface": "FHIR", "connectionDetails": {"uri": "https://ehr.hospital/fhir"}}
EXAMPLES: dict[str, Any] = {
    "a study by its UID": {
        "transactionID": "7f4c1b0e-2d7f-4f6e-9d5e-3c1d0e9a4b11",
        "priority": 255,
        "inputMetadata": {
            "inputs": [{"type": "DICOM_UID", "studies": [{"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}]}]
        },
        "inputResources": [_ALGORITHM, _ARCHIVE],
    },
    "studies by accession number and resources": {
        "transactionID": "order 4711",
        "inputMetadata": {
            "inputs": [
                {"type": "ACCESSION_NUMBER", "accessionNumber": ["A4711", "A4712"]},
                {
                    "type": "FHIR_RESOURCE",
                    "fhirFormat": "Json",
                    "fhirVersion": "R4",
                    "resources": [{"resourceType": "DiagnosticReport", "id": "f202"}],
                },
            ]
        },
        "inputResources": [_ALGORITHM, _ARCHIVE, _FHIR],
        "outputResources": [_ARCHIVE],
    },
}

log = structlog.get_logger(__name__)


class Accepted(BaseModel):
    """The request is durable."""

    transaction_id: str = Field(alias="transactionId")


def inference_routes(acceptance: RequestAcceptance, settings: Settings) -> Routes:
    """The routes for inference requests."""
    router = APIRouter(prefix="/inference", tags=["inference"])
    store = acceptance.store

    @router.post(
        "",
        summary="Ask for data to be retrieved for an algorithm",
        responses=described(400, 408, 409, 413, 422, 503),
        openapi_extra=json_body(SubmittedRequest, EXAMPLES),
        response_model=Accepted,
    )
    async def submit(request: Request) -> JSONResponse:
        """Answered with 200 once it is durable. Names match in any letter case, numbers may stand in strings."""
        body = await request.body()
        return await run_in_threadpool(_accept, acceptance, body)

    @router.get("/status/{transaction_id:path}", summary="How far a request has come", responses=described(404, 503))
    def status(transaction_id: str) -> RequestView:
        row = store.find_by_transaction(transaction_id) if _is_storable(transaction_id) else None
        if row is None:
            raise HTTPException(404)
        return view_of(row, settings)

    @router.get("", summary="The requests, the newest first", responses=described(400, 503))
    def listed(
        limit: Annotated[int, Query(ge=1, le=1000)] = 20,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
        state: RequestState | None = None,
    ) -> list[RequestView]:
        return [view_of(row, settings) for row in store.newest(limit, offset, state)]

    return Routes(router, (SubmittedRequest,))


def _accept(acceptance: RequestAcceptance, body: bytes) -> JSONResponse:
    try:
        submission = acceptance.accept(body)
    except UnreadableRequest as error:
        return problem(400, "The request can't be read", errors=error.problems)
    except InvalidRequest as error:
        return problem(422, "Invalid request", str(error))
    except AlreadyKnown as error:
        return problem(409, "Conflict", str(error))
    except SettingsError as error:
        log.error("a request with credentials was not taken", reason=str(error))
        return problem(503, detail="credentials can't be kept here for now: the log says why")
    transaction_id = submission.request.transaction_id
    log.info("request accepted", request=note(request_id(transaction_id)), priority=submission.request.priority)
    return JSONResponse({"transactionId": transaction_id})


def _is_storable(text: str) -> bool:
    """Whether a transaction can be called so at all."""
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False
