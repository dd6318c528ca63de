"""Deployments that a run is needed of and that Prefect does not know: before a worker was ever there, or deleted."""

import asyncio
import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from deployments.prefect_side.pools import pools_of
from gateway.node_context import NodeContext

if TYPE_CHECKING:
    from deployments.prefect_side.registration import Description


class Registering:
    """Does what a worker does when it starts.

    For that alone Prefect's client and every flow are imported: three seconds of CPU that a dispatcher beside a worker
    never spends.
    """

    def __init__(self, node: NodeContext, descriptions: "Sequence[Description] | None" = None) -> None:
        self._node = node
        self._descriptions = descriptions
        self._one_at_a_time = asyncio.Lock()  # for two kinds may miss theirs at once

    async def __call__(self) -> None:
        """Register them all. Raises PrefectUnavailable and PrefectRefused."""
        async with self._one_at_a_time:
            registration = await asyncio.to_thread(_registration)
            described = self._descriptions or registration.read_descriptions()
            pools = pools_of(self._node.settings, self._node.identity)
            await registration.register_at_once(pools, described)


def _registration() -> ModuleType:
    return importlib.import_module("deployments.prefect_side.registration")
