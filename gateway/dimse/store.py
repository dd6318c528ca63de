"""Many files to one peer by C-STORE: as few associations as their contexts allow, one after the other."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from gateway.dicom.part10_file import Part10File
from gateway.dicom.store_outcome import Outcome, StoreOutcome
from gateway.dimse.items import MOST_CONTEXTS, ONE_AT_A_TIME
from gateway.dimse.negotiation import Proposal
from gateway.dimse.peer import Peer, Timeouts
from gateway.dimse.store_association import StoreAssociation, proposal
from gateway.errors import Damaged, PeerUnavailable

_TRANSIENT_IN_A_ROW = 3  # then the peer is left alone for a while


def plan_associations(files: Iterable[Part10File]) -> list[list[Part10File]]:
    """Part `files`, which stay in order, so that each group needs at most 128 presentation contexts."""
    groups: list[list[Part10File]] = []
    places: dict[Proposal, int] = {}
    for file in files:
        place = places.setdefault(proposal(file), len(places)) // MOST_CONTEXTS
        if place == len(groups):
            groups.append([])
        groups[place].append(file)
    return groups


def store_files(
    peer: Peer,
    timeouts: Timeouts,
    files: Iterable[Part10File],
    stopping: threading.Event,
    at_once: int = ONE_AT_A_TIME,
) -> Iterator[tuple[Part10File, StoreOutcome]]:
    """Send `files`, and yield each with its outcome while at most `at_once` wait for theirs, if the peer grants that.

    Ends early, with the association released, when `stopping` is set between two files. Files that were not yielded
    were not stored, as far as anybody knows. Raises PeerRefused and PeerUnavailable; the latter also where a peer
    answers several files in a row that it can't store them now. The files that were on their way when an association
    broke are yielded as transient first: put them last the next time, they may be the reason.
    """
    for group in plan_associations(files):
        if stopping.is_set():
            return
        with StoreAssociation.open(peer, timeouts, group, at_once) as association:
            yield from _send(association, peer, group, stopping)


def _send(
    association: StoreAssociation, peer: Peer, files: Sequence[Part10File], stopping: threading.Event
) -> Iterator[tuple[Part10File, StoreOutcome]]:
    try:
        yield from _outcomes(association, peer, files, stopping)
    except PeerUnavailable as error:
        yield from association.answered()
        for file in association.on_their_way:
            yield file, StoreOutcome(Outcome.TRANSIENT, str(error))
        raise


def _outcomes(
    association: StoreAssociation, peer: Peer, files: Sequence[Part10File], stopping: threading.Event
) -> Iterator[tuple[Part10File, StoreOutcome]]:
    left: deque[Part10File] = deque()
    for file in files:
        if refusal := association.refusal(file):
            yield file, refusal
        else:
            left.append(file)
    in_a_row = 0
    while True:
        if left and association.has_room and in_a_row < _TRANSIENT_IN_A_ROW and not stopping.is_set():
            yield from _begun(association, left.popleft())
        elif association.on_their_way:
            association.wait_for_answer()
        else:
            break
        for file, outcome in association.answered():
            yield file, outcome
            in_a_row = in_a_row + 1 if outcome.outcome is Outcome.TRANSIENT else 0
    if in_a_row >= _TRANSIENT_IN_A_ROW:
        association.release()
        raise PeerUnavailable(f"{peer} can't store now: {outcome.reason}")


def _begun(association: StoreAssociation, file: Part10File) -> Iterator[tuple[Part10File, StoreOutcome]]:
    """Send a file. Only one that can't be read has an outcome at once: its own fault, and no other's."""
    try:
        association.send(file)
    except Damaged as error:
        yield file, StoreOutcome(Outcome.FINAL, str(error))
