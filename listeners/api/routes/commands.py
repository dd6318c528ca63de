"""What operators ask of work over HTTP: written down as from the command line, and carried out by the dispatcher.

    POST /payloads/{id}/retry|cancel|announce|send|close     202 once it is noted, 409 where it makes no sense; `send`
                                                             with dryRun=true: 200, and what would be sent where
    POST /exports/{id}/retry|cancel
    POST /inference/{id}/retry|cancel
    POST /payloads|exports|inference/retry                   all that are in a state; with `dryRun` only how many

What goes wrong is told as a problem of RFC 9457.
"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.exports.listing import ExportFilter, ExportListing
from gateway.exports.states import ExportState
from gateway.inference.row import RequestState
from gateway.kinds import ask, ask_all
from gateway.node_context import NodeContext
from gateway.operations.foreseeing.export import ForeseenExport, foreseen_send
from gateway.operations.payload_view import PayloadState
from gateway.operations.payloads import payload_list
from gateway.payloads.finding import PayloadFilter
from gateway.work import MOST_AT_ONCE
from gateway.work.commands import NothingToDo, OperatorCommand, Wish
from gateway.work.ledger import NoSuchWork
from listeners.api.app import Routes
from listeners.api.problems import described, problem
from listeners.api.routes.exports import foreseen_answer

_BY = "HTTP"
_ROOMS = {"payload": "payloads", "export": "exports", "request": "inference"}
_COMMANDS: Mapping[str, Mapping[OperatorCommand, str]] = {
    "payload": {
        OperatorCommand.RETRY: "Start its run now",
        OperatorCommand.CANCEL: "End its run",
        OperatorCommand.ANNOUNCE: "Say its event once more",
        OperatorCommand.CLOSE: "Close it, though it still receives",
    },
    "export": {OperatorCommand.RETRY: "Send what is missing now", OperatorCommand.CANCEL: "End it between two files"},
    "request": {OperatorCommand.RETRY: "Start its run now", OperatorCommand.CANCEL: "End it"},
}
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Noted(BaseModel):
    """The command is durable."""

    id: UUID


class To(BaseModel):
    """Where a payload is to be sent."""

    model_config = ConfigDict(extra="forbid")

    destinations: list[_Name] = Field(min_length=1, max_length=100, description="names of registered destinations")


class _Chosen(BaseModel):
    """Which work is meant: the newest 10,000 at most. `since` and `until` bound when it came, the latter excluded."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    dry_run: bool = Field(False, alias="dryRun", description="only count")


class ChosenPayloads(_Chosen):
    """Which payloads: by when they were closed, and the calling or called AE title."""

    state: Literal["waiting", "failed", "crashed", "cancelled"]
    ae: Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00]*$")] | None = None


class ChosenExports(_Chosen):
    """Which exports: by when they were asked for, and a destination."""

    state: Literal["waiting", "partial", "failed", "cancelled"]
    destination: _Name | None = None


class ChosenRequests(_Chosen):
    """Which inference requests: by when they were accepted."""

    state: Literal["waiting", "failed", "cancelled"]


class Counted(BaseModel):
    """How many are retried, or would be."""

    count: int
    more: bool = Field(description="there are more than are asked at once: ask again, these have left the state then")
    dry_run: bool = Field(serialization_alias="dryRun")


_ANSWERS: dict[str, Any] = {
    "status_code": HTTPStatus.ACCEPTED,
    "response_model": Noted,
    "responses": described(400, 404, 409, 503),
}
_SENT: dict[str, Any] = _ANSWERS | {
    "responses": _ANSWERS["responses"] | {200: {"model": ForeseenExport, "description": "What a dry run says."}}
}
_COUNTS: dict[str, Any] = {
    "status_code": HTTPStatus.ACCEPTED,
    "response_model": Counted,
    "responses": described(400, 503) | {200: {"model": Counted, "description": "Only counted."}},
}


def commands_routes(node: NodeContext) -> Routes:
    """The routes of a node."""
    router = APIRouter()
    for kind, summaries in _COMMANDS.items():
        for command, summary in summaries.items():
            _add(router, node, kind, command, summary)

    @router.post("/payloads/{work_id}/send", tags=["payloads"], summary="Send its DICOM objects", **_SENT)
    def send(
        work_id: UUID, to: To, dry_run: Annotated[bool, Query(alias="dryRun", description="note nothing")] = False
    ) -> Response:
        wish = Wish("payload", work_id, OperatorCommand.SEND, tuple(to.destinations))
        return _answered(wish, lambda: _foreseen(node, wish)) if dry_run else _asked(node, wish)

    _add_bulk(router, node)
    return Routes(router)


def _add(router: APIRouter, node: NodeContext, kind: str, command: OperatorCommand, summary: str) -> None:
    room = _ROOMS[kind]

    @router.post(f"/{room}/{{work_id}}/{command}", tags=[room], summary=summary, **_ANSWERS)
    def asked(work_id: UUID) -> Response:
        return _asked(node, Wish(kind, work_id, command))


def _add_bulk(router: APIRouter, node: NodeContext) -> None:
    @router.post("/payloads/retry", tags=["payloads"], summary="Retry all in a state", **_COUNTS)
    def retry_payloads(chosen: ChosenPayloads) -> Response:
        payloads = payload_list(node.settings, node.payloads)
        wanted = PayloadFilter(ae=chosen.ae, since=chosen.since, until=chosen.until)
        views = payloads.page(MOST_AT_ONCE + 1, wanted, PayloadState(chosen.state))
        if payloads.prefect_is_away:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail="Prefect does not answer: the states are unknown")
        return _retried(node, "payload", [view.id for view in views], dry_run=chosen.dry_run)

    @router.post("/exports/retry", tags=["exports"], summary="Retry all in a state", **_COUNTS)
    def retry_exports(chosen: ChosenExports) -> Response:
        wanted = ExportFilter(ExportState(chosen.state), chosen.destination, since=chosen.since, until=chosen.until)
        views = ExportListing(node.database).page(MOST_AT_ONCE + 1, wanted=wanted)
        return _retried(node, "export", [view.id for view in views], dry_run=chosen.dry_run)

    @router.post("/inference/retry", tags=["inference"], summary="Retry all in a state", **_COUNTS)
    def retry_requests(chosen: ChosenRequests) -> Response:
        state = RequestState(chosen.state)
        rows = node.requests.newest(MOST_AT_ONCE + 1, 0, state, since=chosen.since, until=chosen.until)
        return _retried(node, "request", [row.request_id for row in rows], dry_run=chosen.dry_run)


def _asked(node: NodeContext, wish: Wish) -> Response:
    def noted() -> Response:
        ask(node, wish, _BY)
        return JSONResponse({"id": str(wish.work_id)}, HTTPStatus.ACCEPTED)

    return _answered(wish, noted)


def _foreseen(node: NodeContext, wish: Wish) -> Response:
    return foreseen_answer(lambda: foreseen_send(node, wish.work_id, wish.destinations))


def _answered(wish: Wish, answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except NoSuchWork as error:
        return problem(HTTPStatus.NOT_FOUND, f"No such {wish.kind}", str(error))
    except NothingToDo as error:
        return problem(HTTPStatus.CONFLICT, f"There is nothing to {wish.command}", str(error))


def _retried(node: NodeContext, kind: str, work_ids: Sequence[UUID], *, dry_run: bool) -> Response:
    """What makes no sense for one of them any more is said by the dispatcher, in the row of its command."""
    chosen = work_ids[:MOST_AT_ONCE]
    if not dry_run:
        ask_all(node, [Wish(kind, work_id, OperatorCommand.RETRY) for work_id in chosen], _BY)
    status = HTTPStatus.OK if dry_run else HTTPStatus.ACCEPTED
    return JSONResponse({"count": len(chosen), "more": len(work_ids) > len(chosen), "dryRun": dry_run}, status)
