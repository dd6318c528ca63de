"""Payloads over HTTP, those that were received and those that inference requests became.

    GET /payloads          the newest first, by study, AE title, time and state, in pages
    POST /payloads/find    the same by what a person has of a study: in a body, since addresses are logged
    GET /payloads/{id}     one of them

What goes wrong is told as a problem of RFC 9457.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.errors import FromNewerProgram, SettingsError
from gateway.lookup.digests import Identifiers
from gateway.node_context import NodeContext
from gateway.operations.payload_detail import PayloadDetail
from gateway.operations.payload_view import PayloadState, PayloadView
from gateway.operations.payloads import PayloadList, payload_list
from gateway.payloads.finding import PayloadFilter
from gateway.payloads.payload import ClosedBy
from listeners.api.app import Routes
from listeners.api.problems import described

_Text = Annotated[str | None, Field(max_length=64, pattern=r"^[^\x00]*$")]


class PayloadQuery(BaseModel):
    """Which payloads are meant: all that is given has to hold."""

    state: PayloadState | None = None
    study: _Text = Field(None, description="Study Instance UID")
    ae: _Text = Field(None, description="calling or called AE title")
    source: _Text = Field(None, description="calling AE title, or address, of who sent it")
    since: AwareDatetime | None = Field(None, description="closed then or later")
    until: AwareDatetime | None = Field(None, description="closed before")
    closed_by: ClosedBy | None = None
    after: UUID | None = Field(None, description="go on after this payload")
    limit: int = Field(20, ge=1, le=1000)

    @property
    def filter(self) -> PayloadFilter:
        return PayloadFilter(self.study, self.ae, self.since, self.until, self.closed_by, source=self.source)


class PayloadSearch(PayloadQuery):
    """The same, by what a person has of a study. Values are as in the data set, without padding."""

    model_config = ConfigDict(extra="forbid")  # a misspelt name would find everything

    accession_number: _Text = Field(None, description="(0008,0050)")
    patient_id: _Text = Field(None, description="(0010,0020)")
    issuer_of_patient_id: _Text = Field(None, description="(0010,0021), with a Patient ID alone")

    @property
    def identifiers(self) -> Identifiers:
        return Identifiers(self.accession_number, self.patient_id, self.issuer_of_patient_id)


@dataclass(frozen=True, slots=True)
class PayloadPage:
    """Some payloads, and from where the next page goes on: `after`, None on the last. `prefect_is_away`: what hangs on
    runs is unknown. Whether those closed until `not_searched_until` have what was asked for may be unknown.
    """

    payloads: list[PayloadView]
    after: UUID | None
    total: int | None
    prefect_is_away: bool
    not_searched_until: datetime | None


def payloads_routes(node: NodeContext) -> Routes:
    """The routes of a node."""
    router = APIRouter(prefix="/payloads", tags=["payloads"])

    @router.get("", summary="The payloads, the newest first", responses=described(400, 404, 503))
    def listed(asked: Annotated[PayloadQuery, Query()]) -> PayloadPage:
        return _page(payload_list(node.settings, node.payloads), asked, asked.filter)

    @router.post("/find", summary="The payloads with what a person has", responses=described(400, 404, 409, 422, 503))
    def find(asked: PayloadSearch) -> PayloadPage:
        if asked.identifiers.problem:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, asked.identifiers.problem)
        payloads = payload_list(node.settings, node.payloads)
        try:
            lookups = payloads.lookups(asked.identifiers)
        except (SettingsError, FromNewerProgram) as error:
            raise HTTPException(HTTPStatus.CONFLICT, str(error)) from error
        return _page(payloads, asked, replace(asked.filter, lookups=lookups))

    @router.get("/{payload_id:uuid}", summary="A payload", responses=described(404, 503))
    def show(payload_id: UUID) -> PayloadDetail:
        payloads = payload_list(node.settings, node.payloads)
        return payloads.detail(_the(payloads, payload_id))

    return Routes(router)


def _page(payloads: PayloadList, asked: PayloadQuery, wanted: PayloadFilter) -> PayloadPage:
    if asked.after:
        _the(payloads, asked.after)
    views = payloads.page(asked.limit + 1, wanted, asked.state, asked.after)
    more = views[asked.limit - 1].id if len(views) > asked.limit else None
    total, not_searched = payloads.total(wanted, asked.state), payloads.not_searched_until(wanted)
    return PayloadPage(views[: asked.limit], more, total, payloads.prefect_is_away, not_searched)


def _the(payloads: PayloadList, payload_id: UUID) -> PayloadView:
    found = payloads.find(payload_id)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found
