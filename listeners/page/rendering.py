"""Templates, and how a time, a size and a state are written in them."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from gateway.wording import counted, size
from listeners.page.guard import PROOF, Guard

_HEADERS = {
    # Nothing from elsewhere, nothing written into the page, in nobody's frame, and in no cache.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Pages:
    """Renders the templates; `guard` gives every form its token."""

    def __init__(self, guard: Guard) -> None:
        self._environment = Environment(
            loader=PackageLoader("listeners.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"when": when, "size": size, "counted": counted, "duration": duration, "ago": ago}
        self._environment.globals |= {"token": guard.token, "token_name": PROOF, "zone": zone}

    def render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the page that a template makes of these values."""
        content = self._environment.get_template(template).render(**values)
        return HTMLResponse(content, status, headers=_HEADERS)


def said_on_a_page(pages: Pages) -> type[APIRoute]:
    """A route whose refusals people read: the rest of the API answers programs, with a problem of RFC 9457."""

    class Said(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()

            async def answered(request: Request) -> Response:
                try:
                    return await answer(request)
                except HTTPException as error:
                    return said(error.status_code, error.detail)
                except RequestValidationError:  # its text would say what was typed
                    return said(HTTPStatus.BAD_REQUEST, "what was asked for can't be understood")

            return answered

    def said(status: int, text: str) -> Response:
        title = HTTPStatus(status).phrase
        return pages.render("said.html", status, title=title, said=text, back="/")

    return Said


def zone() -> str:
    """The zone in which all times of a page are."""
    return f"{datetime.now().astimezone():%Z}"


def when(moment: datetime | None) -> Markup:
    """A time of this machine's zone, with the whole of it for programs."""
    if moment is None:
        return Markup("")
    local = moment.astimezone(datetime.now().astimezone().tzinfo)
    return Markup('<time datetime="{}">{}</time>').format(
        local.isoformat(timespec="seconds"), f"{local:%Y-%m-%d %H:%M:%S}"
    )


def ago(moment: datetime | None) -> str:
    """How long ago it was."""
    return duration(datetime.now(UTC) - moment) if moment else ""


def duration(length: timedelta | None) -> str:
    """Two units of it at most: `4 s`, `12 min`, `3 h 20 min`, `5 d 2 h`."""
    if length is None:
        return ""
    seconds = max(0.0, length.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes >= 2 else f"{60 * minutes + seconds} s"
