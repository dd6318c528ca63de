"""What would happen if somebody called here, over HTTP: nothing is sent, stored or made.

GET /explain    what the receiver of these settings would say to who calls so, and to the SOP classes that it proposes
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import StringConstraints

from gateway.node_context import NodeContext
from gateway.operations.foreseeing.asking import NotAsked, question
from gateway.operations.foreseeing.explaining import explain
from gateway.operations.foreseeing.foreseen import Foreseen
from listeners.api.app import Routes
from listeners.api.problems import described, problem

_Title = Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=r"^[^\x00]+$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
_MOST = 128  # presentation contexts of an association (PS3.8 9.3.2.2)


def explain_routes(node: NodeContext) -> Routes:
    """The route of a node."""
    router = APIRouter(tags=["associations"])

    @router.get(
        "/explain",
        summary="What would happen if somebody called",
        response_model=Foreseen,
        responses=described(400, 422),
    )
    def asked(
        calling: Annotated[_Title, Query(description="the AE title that calls")],
        called: Annotated[_Title, Query(description="the AE title that it calls")],
        address: Annotated[_Text, Query(description="the IP address that it calls from")],
        sop_class: Annotated[list[_Text], Query(max_length=_MOST, description="UIDs or keywords; none: an echo")] = [],  # noqa: B006
    ) -> Foreseen | Response:
        """Of files, and of the payloads that they would become, `mig explain` tells beside it."""
        try:
            return explain(node.settings, question(calling, called, address, sop_class))
        except NotAsked as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, errors={error.field: ["it can't be understood"]})

    return Routes(router)
