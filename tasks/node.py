"""The node that a run works on: its context is made when the flow begins, and closed when it ends. And its Prefect."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import TypeVar

from prefect.settings import PREFECT_API_URL

from gateway.config import load_settings
from gateway.node_context import NodeContext
from gateway.runs.api import PrefectApi, asked

T = TypeVar("T")

_NODE: ContextVar[NodeContext] = ContextVar("node")


@contextmanager
def on_this_node() -> Iterator[NodeContext]:
    """Within, tasks find the node by `node()`. The settings are read anew: a changed credential counts at once."""
    with closing(NodeContext(load_settings().settings)) as context:
        token = _NODE.set(context)
        try:
            yield context
        finally:
            _NODE.reset(token)


def node() -> NodeContext:
    """The node of this run."""
    return _NODE.get()


def ask_prefect(question: Callable[[PrefectApi], Awaitable[T]]) -> T:
    """Ask the server that this run is known to. Raises PrefectUnavailable and PrefectRefused."""
    return asked(str(PREFECT_API_URL.value()), question)
