"""Errors as problem details (RFC 9457). Nothing of what came in is said back: it may name a patient, or be a secret."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match

from gateway.errors import DatabaseRefused, DatabaseUnavailable

MEDIA_TYPE = "application/problem+json"

_RETRY_AFTER_SECONDS = 5

log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """What went wrong. `errors` has it by the path of each field, where it is of fields."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: dict[str, list[str]] | None = Field(None, description="by the path of each field")


def problem(
    status: int,
    title: str = "",
    detail: str | None = None,
    *,
    errors: Mapping[str, Sequence[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the answer that says so."""
    listed = {path: list(texts) for path, texts in errors.items()} if errors else None
    content = Problem(title=title or HTTPStatus(status).phrase, status=status, detail=detail, errors=listed)
    return JSONResponse(
        content.model_dump(exclude_none=True), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These errors, as OpenAPI describes them."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def answer_with_problems(app: FastAPI) -> None:
    """Have every error of an application answered so."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _unbindable)
    app.add_exception_handler(DatabaseUnavailable, _unavailable)
    app.add_exception_handler(DatabaseRefused, _refused)
    app.add_exception_handler(Exception, _unexpected)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return problem(error.status_code, headers={"Allow": ", ".join(_methods(request))})
    detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
    return problem(error.status_code, detail=detail, headers=error.headers)


def _methods(request: Request) -> list[str]:
    """What may be asked at this address: each method is a route of its own, and the framework names the first."""
    offered: list[APIRoute] = request.app.state.offered
    here = [route for route in offered if route.matches(request.scope)[0] is not Match.NONE]
    named = [route for route in here if route.path == request.url.path and route.include_in_schema]
    here = named or here  # an address of its own is no value of another's parameter
    return sorted({method for route in here for method in route.methods or ()})


async def _unbindable(_: Request, error: Exception) -> JSONResponse:
    """Of a path, a query, or a body that is not read by its own router. What a client has named itself is not said."""
    assert isinstance(error, RequestValidationError)
    errors: dict[str, list[str]] = {}
    for each in error.errors():
        place = each["loc"][:-1] if each["type"] == "extra_forbidden" else each["loc"]
        errors.setdefault(".".join(map(str, place)), []).append(each["msg"])
    return problem(400, "Invalid parameters", errors=errors)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    log.warning("a request could not be served", reason=str(error))
    return problem(
        503, detail="the database does not serve just now", headers={"Retry-After": str(_RETRY_AFTER_SECONDS)}
    )


async def _refused(request: Request, error: Exception) -> JSONResponse:
    """Somebody has to act, and waiting may help the client all the same."""
    log.error("a request could not be served", reason=str(error))
    return problem(503, detail="the database refuses to serve", headers={"Retry-After": str(_RETRY_AFTER_SECONDS)})


async def _unexpected(_: Request, __: Exception) -> JSONResponse:
    """What nobody foresaw: uvicorn writes its traceback to the log."""
    return problem(500)
