"""How the site is, over HTTP.

GET /status         each part, what waits where, and for which destination: as `mig status` tells it
GET /destinations   the registered destinations: how exports have last met each, and what is queued for it
"""

from functools import partial

from fastapi import APIRouter

from gateway.node_context import NodeContext
from gateway.operations.destinations import DestinationView, destination_views
from gateway.operations.status import SiteStatus, site_status
from listeners.api.app import Routes
from listeners.api.problems import described
from listeners.api.recent import Recent

KEPT_SECONDS = 4.0  # an answer is good for so long: every part is asked for it


def status_routes(node: NodeContext) -> Routes:
    """The routes of a node."""
    router = APIRouter()
    site = Recent(partial(site_status, node.settings), KEPT_SECONDS)

    @router.get("/status", tags=["health"], summary="Each part, and what waits where")
    async def status() -> SiteStatus:
        """Always 200: what is down is said in it."""
        return await site.get()

    @router.get("/destinations", tags=["exports"], summary="The registered destinations", responses=described(503))
    def destinations() -> list[DestinationView]:
        return destination_views(node.settings, node.database)

    return Routes(router)
