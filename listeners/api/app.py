"""The application: its routers, and what every answer of theirs has in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel
from starlette.types import ASGIApp

from gateway.config.sections import ApiSettings
from gateway.versions import program_version
from listeners.api.limits import Limits
from listeners.api.openapi import describe
from listeners.api.own_origin import OwnOrigin
from listeners.api.problems import answer_with_problems


@dataclass(frozen=True, slots=True)
class Routes:
    """A router, and the models of bodies that it reads itself."""

    router: APIRouter
    bodies: tuple[type[BaseModel], ...] = field(default=())


def create_app(settings: ApiSettings, routes: Sequence[Routes]) -> ASGIApp:
    """Return the application with these routes. Documentation is at /docs, the document itself at /openapi.json.

    The page of /docs needs nothing from the internet, which a hospital's network may not reach.
    """
    app = FastAPIOffline(
        title="Informatics gateway",
        version=program_version(),
        description="Requests in, and how far they have come. Errors are problem details (RFC 9457).",
        redoc_url=None,
    )
    bodies: list[type[BaseModel]] = []
    for each in routes:
        app.include_router(each.router)
        bodies += each.bodies
    app.state.offered = [route for each in routes for route in each.router.routes]
    answer_with_problems(app)
    describe(app, *bodies)
    return Limits(app, settings.max_body_bytes, settings.body_seconds, OwnOrigin(settings).refusal)
