"""The payloads, by what somebody has of a study, and the page of one.

What may name a patient is posted: it stands in no address, and so in no log of a proxy and no history.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from gateway.errors import FromNewerProgram, SettingsError
from gateway.lookup.digests import Identifiers
from gateway.node_context import NodeContext
from gateway.operations.payload_view import PayloadState
from gateway.operations.payloads import payload_list
from gateway.payloads.finding import PayloadFilter
from gateway.work.commands import Commands
from listeners.page.guard import Guard
from listeners.page.rendering import Pages
from listeners.page.timeline import WIDTH, timeline

SHOWN = 50


class PayloadForm(BaseModel):
    """What an address may say of the payloads that are meant. An empty field is one that does not matter."""

    study: str = ""
    ae: str = ""
    source: str = ""
    state: str = ""
    hours: str = ""
    after: UUID | None = None

    @property
    def filter(self) -> PayloadFilter:
        since = datetime.now(UTC) - timedelta(hours=int(self.hours)) if self.hours.isdecimal() else None
        study, ae, source = (_given(text) for text in (self.study, self.ae, self.source))
        return PayloadFilter(study=study, ae=ae, since=since, source=source)

    @property
    def in_state(self) -> PayloadState | None:
        return PayloadState(self.state) if self.state in set(PayloadState) else None


class PayloadSearch(PayloadForm):
    """What is filled in above the list."""

    accession: str = Field("", repr=False)
    patient: str = Field("", repr=False)
    issuer: str = Field("", repr=False)

    @property
    def identifiers(self) -> Identifiers:
        return Identifiers(*(_given(text) for text in (self.accession, self.patient, self.issuer)))


def add_payloads(router: APIRouter, pages: Pages, node: NodeContext, guard: Guard) -> None:
    """Add the list of the payloads, and the page of each."""

    @router.get("/ui/payloads")
    def listed(form: Annotated[PayloadForm, Query()]) -> Response:
        return _list(pages, node, PayloadSearch(**form.model_dump()))

    @router.post("/ui/payloads")
    def found(fields: Annotated[dict[str, str], Depends(guard.pressed)]) -> Response:
        try:
            form = PayloadSearch.model_validate(fields)
        except ValidationError:  # its text would say what was typed
            raise HTTPException(HTTPStatus.BAD_REQUEST, "what was asked for can't be understood") from None
        return _list(pages, node, form)

    @router.get("/ui/payloads/{payload_id}")
    def payload(payload_id: UUID) -> Response:
        listing = payload_list(node.settings, node.payloads)
        view = listing.find(payload_id)
        if view is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no payload {payload_id}")
        return pages.render(
            "payload.html",
            view=listing.detail(view),
            steps=timeline(view),
            width=WIDTH,
            asked=Commands(node.database).of_work("payload", payload_id),
            destinations=sorted(node.current_destinations().registered),
        )


def _list(pages: Pages, node: NodeContext, form: PayloadSearch) -> Response:
    listing = payload_list(node.settings, node.payloads)
    problem, wanted = form.identifiers.problem, form.filter
    if not problem:
        try:
            wanted = replace(wanted, lookups=listing.lookups(form.identifiers))
        except (SettingsError, FromNewerProgram) as error:
            problem = str(error)
    views = [] if problem else listing.page(SHOWN + 1, wanted, form.in_state, form.after)
    return pages.render(
        "payloads.html",
        form=form,
        states=list(PayloadState),
        views=views[:SHOWN],
        after=views[SHOWN - 1].id if len(views) > SHOWN else None,
        is_searched=not problem,
        total=None if problem else listing.total(wanted, form.in_state),
        problem=problem or listing.not_searched(wanted),
        prefect_is_away=listing.prefect_is_away,
    )


def _given(text: str) -> str | None:
    return text.strip() or None
