"""Tell the workflow manager that a payload is ready."""

from contextlib import closing, suppress

from prefect.runtime import flow_run

from gateway.errors import DatabaseRefused, DatabaseUnavailable
from gateway.events.outbox import Outbox
from gateway.events.port import Message
from gateway.payloads.report import announced_line
from gateway.payloads.workflow_request import workflow_request
from tasks.node import node
from tasks.payloads import Claim, held_payload
from tasks.phase import phase
from tasks.run_log import say


@phase("notify", timeout_seconds=120)
def announce_payload(claim: Claim) -> None:
    """Publish `md.workflow.request`; done only when the broker has confirmed it. Repeats carry the same ids.

    What is said is kept before, so that it can be said again.
    """
    mine = held_payload(claim)
    message = workflow_request(mine.payload, node().settings.object_store.bucket)
    if not _is_published(message):
        with closing(node().publisher()) as publisher:
            mine.lease.check()
            mine.keep(message)
            publisher.publish(message)
    say(announced_line(mine.payload))


def _is_published(message: Message) -> bool:
    """Whether the dispatcher has tried the broker out with it while it waited. One that is told twice does no harm."""
    if flow_run.run_count <= 1:
        return False
    with suppress(DatabaseUnavailable, DatabaseRefused):
        return Outbox(node().database).is_published(message.message_id)
    return False
