"""Whom we call, and how long we wait for what."""

from dataclasses import dataclass

from gateway.network.addresses import written


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity, and the AE title that we call it with."""

    host: str
    port: int
    called_ae: str
    calling_ae: str

    def __str__(self) -> str:
        return f"{self.called_ae} at {written(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one call to the network may take, and how slow a whole file may be.

    No call waits longer than its own limit, and a file that trickles ends at its deadline all the same. Only the name
    service has its own limit, which the system sets.
    """

    connect_seconds: float = 10.0  # for each address of the host
    negotiate_seconds: float = 30.0
    send_seconds: float = 30.0  # without room for one more byte
    answer_seconds: float = 120.0  # an archive may commit to slow storage before it answers
    release_seconds: float = 5.0
    slowest_bytes_per_second: int = 100_000

    def file_seconds(self, data_set_bytes: int) -> float:
        """How long a data set of this length may take, from its first byte to its answer."""
        return self.answer_seconds + data_set_bytes / self.slowest_bytes_per_second
