"""Many files to one service by STOW-RS: in batches, which shrink where the service finds them too large."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.dicomweb.stow import BatchResult, store_batch
from gateway.errors import GatewayError, PeerUnavailable
from gateway.web.client import Client

_TRANSIENT_IN_A_ROW = 3  # then the service is left alone for a while

Batch = Sequence[Part10File]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much goes with one request, and so is in doubt where no answer comes. A larger file goes alone."""

    most_files: int = 20
    most_bytes: int = 64_000_000

    def below(self, batch: Batch) -> "BatchLimits":
        """Limits under which `batch` becomes at least two."""
        return BatchLimits(self.most_files, min(self.most_bytes, sum(file.bytes for file in batch) // 2))


def plan_batches(files: Iterable[Part10File], limits: BatchLimits) -> list[list[Part10File]]:
    """Part `files`, in order. No two in a batch have the same SOP Instance UID: an answer names them by it."""
    batches: list[list[Part10File]] = []
    uids: set[str] = set()
    room = 0
    for file in files:
        full = not batches or len(batches[-1]) >= limits.most_files or file.bytes > room
        if full or file.sop_instance_uid in uids:
            batches.append([])
            uids, room = set(), limits.most_bytes
        batches[-1].append(file)
        uids.add(file.sop_instance_uid)
        room -= file.bytes
    return batches


def store_files(
    client: Client,
    files: Iterable[Part10File],
    stopping: threading.Event,
    limits: BatchLimits | None = None,
    at_once: int = 1,
) -> Iterator[tuple[Part10File, StoreOutcome]]:
    """Send `files`, `at_once` requests at a time, and yield those of a batch with their outcomes when it is answered.

    What a batch leaves unnamed is sent alone before it is called final. When `stopping` is set, or once it was a failed
    request's turn, no other begins, and those on their way are waited for. Files that were not yielded were not stored,
    as far as anybody knows. Raises PeerRefused and PeerUnavailable; the latter also where several files in a row can't
    be stored now. The files of a request that was not answered are yielded as transient first: put them last the next
    time, they may be the reason.
    """
    return _Sending(client, files, stopping, limits or BatchLimits(), at_once).outcomes()


class _Sending:
    """Batches that wait, and requests on their way, answered in the order in which they were made."""

    def __init__(
        self, client: Client, files: Iterable[Part10File], stopping: threading.Event, limits: BatchLimits, at_once: int
    ) -> None:
        self._client = client
        self._stopping = stopping
        self._limits = limits
        self._at_once = at_once
        self._waiting: deque[Batch] = deque(plan_batches(files, limits))
        self._asked: deque[tuple[Batch, Future[BatchResult]]] = deque()
        self._in_a_row = 0
        self._failure: GatewayError | None = None

    def outcomes(self) -> Iterator[tuple[Part10File, StoreOutcome]]:
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="stow") as pool:
            self._ask(pool)
            while self._asked:
                yield from self._answered(*self._asked.popleft())
                self._ask(pool)
        if self._failure is not None:
            raise self._failure

    def _ask(self, pool: ThreadPoolExecutor) -> None:
        while self._waiting and len(self._asked) < self._at_once and not (self._failure or self._stopping.is_set()):
            batch = self._waiting.popleft()
            self._asked.append((batch, pool.submit(store_batch, self._client, batch)))

    def _answered(self, batch: Batch, answer: "Future[BatchResult]") -> Iterator[tuple[Part10File, StoreOutcome]]:
        try:
            result = answer.result()
        except PeerUnavailable as error:
            self._fail(error)
            yield from ((file, StoreOutcome(Outcome.TRANSIENT, str(error))) for file in batch)
            return
        except GatewayError as error:
            self._fail(error)
            return
        if result.too_large:
            self._limits = self._limits.below(batch)
            left = [file for part in (batch, *self._waiting) for file in part]
            self._waiting = deque(plan_batches(left, self._limits))
        else:
            self._waiting.extendleft([file] for file in reversed(result.unnamed))
        yield from self._counted(result.outcomes)

    def _counted(
        self, outcomes: Sequence[tuple[Part10File, StoreOutcome]]
    ) -> Iterator[tuple[Part10File, StoreOutcome]]:
        for file, outcome in outcomes:
            yield file, outcome
            self._in_a_row = self._in_a_row + 1 if outcome.outcome is Outcome.TRANSIENT else 0
        if outcomes and self._in_a_row >= _TRANSIENT_IN_A_ROW:
            _, last = outcomes[-1]
            self._fail(PeerUnavailable(f"{self._client.service} can't store now: {last.reason}"))

    def _fail(self, error: GatewayError) -> None:
        self._failure = self._failure or error
