"""The work pools: what they are for, their queues and how much may run at once."""

from dataclasses import dataclass

from gateway.config import Settings
from gateway.inference.identity import PriorityClass
from gateway.spool.node import Node

INGEST = "gateway"
RETRIEVE = "gateway-retrieve"

DEFAULT_QUEUE = "default"  # that every work pool has from the start


@dataclass(frozen=True, slots=True)
class Pool:
    """A work pool. `described_as` is its name in prefect.yaml.

    Where it is `ordered` the first queue's runs start first. `at_once` bounds the runs of all workers together.
    """

    name: str
    queues: tuple[str, ...]
    described_as: str = INGEST
    ordered: bool = False
    at_once: int | None = None

    @property
    def every_queue(self) -> list[str]:
        """Its queues, with the one that every pool has from the start."""
        return [*self.queues, DEFAULT_QUEUE]


def ingest_pool(settings: Settings, node: Node) -> Pool:
    """Whose runs need the spool of one node: a queue for each."""
    return Pool(settings.prefect.work_pool, (node.work_queue,))


def retrieve_pool(settings: Settings) -> Pool:
    """Whose runs any node may carry out, by the class of their priority."""
    name = settings.prefect.work_pool + RETRIEVE.removeprefix(INGEST)
    queues = tuple(PriorityClass)
    return Pool(name, queues, described_as=RETRIEVE, ordered=True, at_once=settings.inference.at_once)


def pools_of(settings: Settings, node: Node) -> tuple[Pool, ...]:
    """All of them, as a node knows them."""
    return (ingest_pool(settings, node), retrieve_pool(settings))
