"""Each button: what it asks for is written down as the command line would, and then its page is shown again."""

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.destinations.registered import Destinations
from gateway.errors import GatewayError
from gateway.kinds import ask
from gateway.node_context import NodeContext
from gateway.operations.destinations import destination_views
from gateway.work.commands import NothingToDo, OperatorCommand, Wish
from gateway.work.ledger import NoSuchWork
from listeners.page.guard import Guard
from listeners.page.rendering import Pages

_KINDS = {"payloads": "payload", "exports": "export", "requests": "request"}
_PAGES = {"payloads": "/ui/payloads/{}", "exports": "/ui/exports/{}", "requests": "/ui/requests"}


_Fields = dict[str, str]


def add_actions(router: APIRouter, pages: Pages, node: NodeContext, guard: Guard) -> None:
    """Add what the buttons of the pages post to."""

    @router.post("/ui/{kind}/{work_id}/{command}")
    def command(
        kind: Literal["payloads", "exports", "requests"],
        work_id: UUID,
        command: OperatorCommand,
        pressed: Annotated[_Fields, Depends(guard.pressed)],
    ) -> Response:
        destinations = tuple(filter(None, [pressed.get("destination")]))
        try:
            ask(node, Wish(_KINDS[kind], work_id, command, destinations), "page")
        except NoSuchWork as error:
            raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
        except NothingToDo as error:
            back = _PAGES[kind].format(work_id)
            return pages.render("said.html", HTTPStatus.CONFLICT, title="Nothing was done", said=str(error), back=back)
        return RedirectResponse(_PAGES[kind].format(work_id), HTTPStatus.SEE_OTHER)

    @router.post("/ui/destinations/echo")
    def echo(pressed: Annotated[_Fields, Depends(guard.pressed)]) -> Response:
        said = _echo(node, pressed.get("name", ""))
        views = destination_views(node.settings, node.database)
        return pages.render("destinations.html", views=views, said=said)


def _echo(node: NodeContext, name: str) -> str:
    destination = Destinations.of(node.settings).find_registered(name)
    if destination is None:
        return "no destination is registered under this name"
    try:
        destination.probe()
    except GatewayError as error:
        return str(error)
    return f"{name} answers"
