"""What would happen if somebody called, and if a payload were sent: a form each, and what would be said or sent."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel
from starlette.responses import Response

from gateway.errors import SettingsError, StoreRefused, StoreUnavailable
from gateway.node_context import NodeContext
from gateway.operations.foreseeing.asking import NotAsked, question
from gateway.operations.foreseeing.explaining import explain
from gateway.operations.foreseeing.export import ForeseenExport, foreseen_send
from gateway.work.commands import NothingToDo
from gateway.work.ledger import NoSuchWork
from listeners.page.rendering import Pages


class CallForm(BaseModel):
    """Who calls whom from where, and which SOP classes are proposed, separated by spaces."""

    calling: str = ""
    called: str = ""
    address: str = ""
    sop_classes: str = ""

    @property
    def is_filled_in(self) -> bool:
        return bool(self.calling and self.called and self.address)


def add_foreseen(router: APIRouter, pages: Pages, node: NodeContext) -> None:
    """Add both pages."""

    @router.get("/ui/explain")
    def explained(form: Annotated[CallForm, Query()]) -> Response:
        foreseen, problem = None, ""
        if form.is_filled_in:
            try:
                asked = question(form.calling, form.called, form.address, form.sop_classes.split())
                foreseen = explain(node.settings, asked)
            except NotAsked as error:
                problem = str(error)
        titles = [entity.ae_title for entity in node.settings.application_entities]
        return pages.render("explain.html", form=form, foreseen=foreseen, problem=problem, titles=titles)

    @router.get("/ui/payloads/{payload_id}/send")
    def sent(payload_id: UUID, destination: Annotated[str, Query(max_length=200)] = "") -> Response:
        foreseen, problem = _sent(node, payload_id, destination)
        return pages.render(
            "send.html",
            payload_id=payload_id,
            chosen=destination,
            destinations=sorted(node.current_destinations().registered),
            foreseen=foreseen,
            problem=problem,
        )


def _sent(node: NodeContext, payload_id: UUID, destination: str) -> tuple[ForeseenExport | None, str]:
    """What would be sent, or why nobody can say. Raises HTTPException 404 where there is no such payload."""
    try:
        return foreseen_send(node, payload_id, [destination] if destination else []), ""
    except NoSuchWork as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
    except (NothingToDo, SettingsError, StoreRefused, StoreUnavailable) as error:
        return None, str(error)
