"""Health over HTTP: for MONAI Deploy's clients as its gateway tells it, and for who starts and routes.

GET /health           every part is asked: 200 Healthy or Degraded, 503 Unhealthy
GET /health/status    what runs, and how many associations are open
GET /health/live      whether every loop turns; 503: start it again
GET /health/ready     whether a study that is sent now would be kept; 503: send none
"""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from gateway.node_context import NodeContext
from gateway.operations.condition.health import Verdict, health
from gateway.operations.condition.liveness import liveness
from gateway.operations.condition.readiness import why_not_ready
from gateway.operations.condition.services import ServiceState, services
from listeners.api.app import Routes
from listeners.api.recent import Recent

KEPT_SECONDS = 2.0  # an answer is good for so long: nobody can have the parts asked without end


class Check(BaseModel):
    check: str
    result: Verdict


class HealthAnswer(BaseModel):
    """The worst of all checks, and each."""

    status: Verdict
    checks: list[Check]


class StatusAnswer(BaseModel):
    """`activeDimseConnections` is null where no receiver was ever seen on this node."""

    active_dimse_connections: Annotated[int | None, Field(serialization_alias="activeDimseConnections")]
    services: dict[str, ServiceState]


class Loop(BaseModel):
    """A loop of one of this node's processes, and how long ago it turned."""

    process: str
    loop: str
    age_seconds: float
    longest_seconds: float


class LiveAnswer(BaseModel):
    status: Literal["live", "standing still"]
    loops: list[Loop]


class ReadyAnswer(BaseModel):
    """`reason` says why a study would not be kept."""

    status: Literal["ready", "not ready"]
    reason: str | None = None


def health_routes(node: NodeContext) -> Routes:
    """The routes of a node."""
    router = APIRouter(prefix="/health", tags=["health"])
    asked = Recent(lambda: health(node.settings, node.database), KEPT_SECONDS)
    ready = Recent(lambda: why_not_ready(node.settings), KEPT_SECONDS)

    @router.get("", summary="Whether every part answers", responses=_bad(HealthAnswer, "Some part does not answer."))
    async def overall(response: Response) -> HealthAnswer:
        found = await asked.get()
        _say(response, is_good=found.status is not Verdict.UNHEALTHY)
        checks = [Check(check=each.check, result=each.result) for each in found.checks]
        return HealthAnswer(status=found.status, checks=checks)

    @router.get("/status", summary="What runs on this node")
    def status() -> StatusAnswer:
        found = services(node.settings)
        return StatusAnswer(active_dimse_connections=found.associations, services=dict(found.states))

    @router.get("/live", summary="Whether every loop turns", responses=_bad(LiveAnswer, "A loop stands still."))
    def live(response: Response) -> LiveAnswer:
        found = liveness(node.settings.paths)
        _say(response, is_good=found.is_live)
        loops = [
            Loop(
                process=loop.role,
                loop=loop.loop,
                age_seconds=found.age_seconds(loop),
                longest_seconds=loop.longest.total_seconds(),
            )
            for loop in found.loops
        ]
        return LiveAnswer(status="live" if found.is_live else "standing still", loops=loops)

    @router.get(
        "/ready",
        summary="Whether a study that is sent now would be kept",
        responses=_bad(ReadyAnswer, "It would not."),
        response_model_exclude_none=True,
    )
    async def readiness(response: Response) -> ReadyAnswer:
        reason = await ready.get()
        _say(response, is_good=reason is None)
        return ReadyAnswer(status="not ready" if reason else "ready", reason=reason)

    return Routes(router)


def _bad(model: type[BaseModel], description: str) -> dict[int | str, dict[str, object]]:
    return {HTTPStatus.SERVICE_UNAVAILABLE.value: {"model": model, "description": description}}


def _say(response: Response, *, is_good: bool) -> None:
    response.headers["Cache-Control"] = "no-store"
    if not is_good:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
