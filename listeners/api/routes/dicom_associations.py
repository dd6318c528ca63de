"""Associations as clients of MIG ask for them, beside `GET /associations`.

GET /dicom-associations   those that have ended from `startTime` to `endTime`, the newest first, ten on a page at most
"""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.node_context import NodeContext
from gateway.operations.associations import AssociationListing, AssociationView, Wanted
from listeners.api.app import Routes
from listeners.api.problems import described

_MOST_ON_A_PAGE = 10

_Camel = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class AssociationInfoQuery(BaseModel):
    """Which are asked for, by the time of their end."""

    model_config = _Camel

    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None
    page_number: int = Field(1, ge=1, le=1_000_000)
    page_size: int = Field(_MOST_ON_A_PAGE, ge=1, description="no more than ten are given")

    @property
    def wanted(self) -> Wanted:
        return Wanted(since=self.start_time, until=self.end_time, open=False)


class AssociationInfo(BaseModel):
    """One association. `duration` is a .NET TimeSpan; `remotePort` is 0 where it was not kept."""

    model_config = _Camel

    id: UUID
    date_time_created: AwareDatetime
    date_time_disconnected: AwareDatetime | None
    correlation_id: UUID
    file_count: int
    calling_ae_title: str
    called_ae_title: str
    remote_host: str
    remote_port: int
    errors: str
    duration: str
    payload_ids: list[UUID]


class AssociationInfoPage(BaseModel):
    """A page, and the way to the others: paths, null where there is none."""

    model_config = _Camel

    page_number: int
    page_size: int
    first_page: str
    last_page: str
    total_pages: int
    total_records: int
    next_page: str | None
    previous_page: str | None
    data: list[AssociationInfo]
    succeeded: bool = True
    errors: list[str] | None = None
    message: str | None = None


def dicom_associations_routes(node: NodeContext) -> Routes:
    """The route of a node."""
    router = APIRouter(prefix="/dicom-associations", tags=["associations"])
    listing = AssociationListing(node.database)

    @router.get("", summary="Associations as MIG tells them", responses=described(400, 503))
    def listed(asked: Annotated[AssociationInfoQuery, Query()], request: Request) -> AssociationInfoPage:
        size = min(asked.page_size, _MOST_ON_A_PAGE)
        total = listing.count(asked.wanted)
        last = max(1, -(-total // size))

        def page(number: int) -> str:
            return f"{request.url.path}?{request.url.include_query_params(pageNumber=number, pageSize=size).query}"

        number = asked.page_number
        return AssociationInfoPage(
            page_number=number,
            page_size=size,
            first_page=page(1),
            last_page=page(last),
            total_pages=-(-total // size),
            total_records=total,
            next_page=page(number + 1) if number < last else None,
            previous_page=page(number - 1) if 1 < number <= last else None,
            data=[_info(view) for view in listing.page(size, (number - 1) * size, asked.wanted)],
        )

    return Routes(router)


def _info(view: AssociationView) -> AssociationInfo:
    return AssociationInfo(
        id=view.id,
        date_time_created=view.began,
        date_time_disconnected=view.ended,
        correlation_id=view.id,
        file_count=view.stored,
        calling_ae_title=view.calling_ae,
        called_ae_title=view.called_ae,
        remote_host=view.address,
        remote_port=view.port or 0,
        errors=view.reason,
        duration=time_span((view.ended or view.began) - view.began),
        payload_ids=list(view.payloads),
    )


def time_span(length: timedelta) -> str:
    """Return a time as .NET writes it, `[d.]hh:mm:ss[.fffffff]`.

    >>> time_span(timedelta(days=1, seconds=3, milliseconds=250))
    '1.00:00:03.2500000'
    """
    minutes, seconds = divmod(length.seconds, 60)
    days = f"{length.days}." if length.days else ""
    fraction = f".{length.microseconds:06}0" if length.microseconds else ""
    return f"{days}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"
