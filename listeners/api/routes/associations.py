"""Associations over HTTP: who came, who was refused, and why.

GET /associations        those that are over or open, the newest first, in pages; X-Total-Count: how many in all
GET /associations/{id}   one of them
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from gateway.node_context import NodeContext
from gateway.operations.associations import AssociationListing, AssociationView, Wanted
from listeners.api.app import Routes
from listeners.api.problems import described

_Text = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00]*$")]


class AssociationQuery(BaseModel):
    """Which associations are asked for: all that is given has to hold."""

    refused: bool = Field(False, description="only who was refused, or an instance of whom")
    ae: _Text | None = Field(None, description="the called AE title")
    source: _Text | None = Field(None, description="the calling AE title, or the address")
    payload: UUID | None = Field(None, description="which they fed")
    since: AwareDatetime | None = Field(None, description="those that have ended, or were open, since")
    open: bool = Field(False, description="only those that have not ended")
    limit: int = Field(20, ge=1, le=1000)
    page: int = Field(1, ge=1, le=1_000_000)

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.refused, self.ae, self.source, self.payload, self.since, self.open or None)


@dataclass(frozen=True, slots=True)
class AssociationPage:
    """Some associations, and how many there are in all."""

    associations: list[AssociationView]
    total: int


def associations_routes(node: NodeContext) -> Routes:
    """The routes of a node."""
    router = APIRouter(prefix="/associations", tags=["associations"])
    listing = AssociationListing(node.database)

    @router.get("", summary="The associations, the newest first", responses=described(400, 503))
    def listed(asked: Annotated[AssociationQuery, Query()]) -> AssociationPage:
        views = listing.page(asked.limit, (asked.page - 1) * asked.limit, asked.wanted)
        return AssociationPage(views, listing.count(asked.wanted))

    @router.get("/{association_id}", summary="An association", responses=described(400, 404, 503))
    def show(association_id: UUID) -> AssociationView:
        view = listing.view(association_id)
        if view is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return view

    return Routes(router)
