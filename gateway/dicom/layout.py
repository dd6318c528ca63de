"""Where the elements lie at the front of data sets: in those of one series at the same places, mostly.

To walk from element to element takes 0.3 µs for each. To compare all their headers at once, as one number with the
values masked out, takes a microsecond for all of them, and says just as surely that the walk would be the same.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

_MOST_LAYOUTS = 4  # a series alternates between few: a number or a UID is now shorter, now longer
_LONGEST_BYTES = 8192

Data = bytes | bytearray | memoryview


class Walk:
    """What a walk has looked at: headers to be found again, and values that are wanted."""

    def __init__(self) -> None:
        self.headers: list[slice] = []
        self.values: dict[int, slice] = {}

    @property
    def length_bytes(self) -> int:
        """How much of the data set it has covered."""
        length: int = max(place.stop for place in (*self.headers, *self.values.values()))
        return length


class _Layout(NamedTuple):
    transfer_syntax_uid: str
    length_bytes: int
    mask: int
    headers: int
    values: Mapping[int, slice]

    def fits(self, transfer_syntax_uid: str, data: Data) -> bool:
        return (
            len(data) >= self.length_bytes
            and _number(data[: self.length_bytes]) & self.mask == self.headers
            and transfer_syntax_uid == self.transfer_syntax_uid
        )


class Layouts:
    """The layouts of the data sets that one association has brought."""

    def __init__(self) -> None:
        self._known: list[_Layout] = []  # the last that fitted is the first

    def values(self, transfer_syntax_uid: str, data: Data) -> dict[int, bytes] | None:
        """Return what a walk from the start of `data` would find; None where only the walk can tell."""
        for place, layout in enumerate(self._known):
            if layout.fits(transfer_syntax_uid, data):
                if place:
                    self._known.insert(0, self._known.pop(place))
                return {tag: bytes(data[value]) for tag, value in layout.values.items()}
        return None

    def learn(self, transfer_syntax_uid: str, data: Data, walk: Walk) -> None:
        """Keep what a walk from the start of `data` has found, where it did not go too far."""
        length = walk.length_bytes
        if length > min(_LONGEST_BYTES, len(data)):
            return
        mask = _number(_mask(length, walk.headers))
        self._known.insert(0, _Layout(transfer_syntax_uid, length, mask, _number(data[:length]) & mask, walk.values))
        del self._known[_MOST_LAYOUTS:]


def _mask(length: int, places: Sequence[slice]) -> bytearray:
    mask = bytearray(length)
    for place in places:
        mask[place] = b"\xff" * (place.stop - place.start)
    return mask


def _number(data: Data) -> int:
    number: int = int.from_bytes(data, "little")
    return number
