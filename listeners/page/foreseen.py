"""What would happen if somebody called: a form, and what the receiver would say."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from gateway.node_context import NodeContext
from gateway.operations.foreseeing.asking import NotAsked, question
from gateway.operations.foreseeing.explaining import explain
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
    """Add the page."""

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
