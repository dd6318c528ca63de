"""Received payloads over HTTP.

    GET /payloads          the newest first, by study, AE title, time and state, in pages
    GET /payloads/{id}     one of them

What goes wrong is told as a problem of RFC 9457.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field

from gateway.node_context import NodeContext
from gateway.operations.payload_view import PayloadState, PayloadView
from gateway.operations.payloads import PayloadList, payload_list
from gateway.payloads.finding import PayloadFilter
from gateway.payloads.payload import ClosedBy
from listeners.api.app import Routes
from listeners.api.problems import described

_Text = Annotated[str | None, Field(max_length=64, pattern=r"^[^\x00]*$")]


class PayloadQuery(BaseModel):
    """Which payloads are meant."""

    state: PayloadState | None = None
    study: _Text = Field(None, description="Study Instance UID")
    ae: _Text = Field(None, description="calling or called AE title")
    since: AwareDatetime | None = Field(None, description="closed then or later")
    until: AwareDatetime | None = Field(None, description="closed before")
    closed_by: ClosedBy | None = None
    after: UUID | None = Field(None, description="go on after this payload")
    limit: int = Field(20, ge=1, le=1000)

    @property
    def filter(self) -> PayloadFilter:
        return PayloadFilter(self.study, self.ae, self.since, self.until, self.closed_by)


@dataclass(frozen=True, slots=True)
class PayloadPage:
    """Some payloads, and from where the next page goes on: `after`, None on the last. `prefect_is_away`: what hangs on
    runs is unknown.
    """

    payloads: list[PayloadView]
    after: UUID | None
    total: int | None
    prefect_is_away: bool


def payloads_routes(node: NodeContext) -> Routes:
    """The routes of a node."""
    router = APIRouter(prefix="/payloads", tags=["payloads"])

    @router.get("", summary="The payloads, the newest first", responses=described(400, 404, 503))
    def listed(asked: Annotated[PayloadQuery, Query()]) -> PayloadPage:
        payloads = payload_list(node.settings, node.payloads)
        if asked.after:
            _the(payloads, asked.after)
        views = payloads.page(asked.limit + 1, asked.filter, asked.state, asked.after)
        more = views[asked.limit - 1].id if len(views) > asked.limit else None
        total = payloads.total(asked.filter, asked.state)
        return PayloadPage(views[: asked.limit], more, total, payloads.prefect_is_away)

    @router.get("/{payload_id}", summary="A payload", responses=described(400, 404, 503))
    def show(payload_id: UUID) -> PayloadView:
        return _the(payload_list(node.settings, node.payloads), payload_id)

    return Routes(router)


def _the(payloads: PayloadList, payload_id: UUID) -> PayloadView:
    found = payloads.find(payload_id)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found
