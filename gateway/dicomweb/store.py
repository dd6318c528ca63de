"""Many files to one service by STOW-RS: in batches, which shrink where the service finds them too large."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.dicom.part10_file import Part10File
from gateway.dicomweb.client import Client
from gateway.dicomweb.stow import store_batch
from gateway.errors import PeerUnavailable
from gateway.store_outcome import Outcome, StoreOutcome

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
    client: Client, files: Iterable[Part10File], stopping: threading.Event, limits: BatchLimits | None = None
) -> Iterator[tuple[Part10File, StoreOutcome]]:
    """Send `files`, and yield those of a batch with their outcomes before the next batch is sent.

    What a batch leaves unnamed is sent alone before it is called final. Ends early when `stopping` is set between two
    requests. Files that were not yielded were not stored, as far as anybody knows. Raises PeerRefused and
    PeerUnavailable; the latter also where several files in a row can't be stored now. The files of a request that was
    not answered are yielded as transient first: put them last the next time, they may be the reason.
    """
    limits = limits or BatchLimits()
    waiting: deque[Batch] = deque(plan_batches(files, limits))
    in_a_row = 0
    while waiting and not stopping.is_set():
        batch = waiting.popleft()
        try:
            result = store_batch(client, batch)
        except PeerUnavailable as error:
            yield from ((file, StoreOutcome(Outcome.TRANSIENT, str(error))) for file in batch)
            raise
        if result.too_large:
            limits = limits.below(batch)
            waiting = deque(plan_batches((file for part in (batch, *waiting) for file in part), limits))
            continue
        waiting.extendleft([file] for file in reversed(result.unnamed))
        for file, outcome in result.outcomes:
            yield file, outcome
            in_a_row = in_a_row + 1 if outcome.outcome is Outcome.TRANSIENT else 0
        if in_a_row >= _TRANSIENT_IN_A_ROW:
            raise PeerUnavailable(f"{client.service} can't store now: {outcome.reason}")
