"""The node that a run works on: its context is made when the flow begins, and closed when it ends."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar

from gateway.config import load_settings
from gateway.node_context import NodeContext

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
