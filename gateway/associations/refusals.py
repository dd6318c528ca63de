"""A peer that is refused and comes again at once, for hours: one record a minute, with a count.

What a peer may vary at will, its titles, is no way around that: beyond some kinds a minute the rest of its refusals are
one record too.
"""

from dataclasses import dataclass, field, replace

from gateway.associations.record import AssociationRecord

TOGETHER_NS = 60_000_000_000
MOST_KINDS = 20  # of refusals of one address, each with a record of its own
MOST_ADDRESSES = 1000

_Kind = tuple[str, str, str, str]


@dataclass(slots=True)
class _Minute:
    until_ns: int
    of_kind: dict[_Kind, AssociationRecord] = field(default_factory=dict)


class Refusals:
    """The refusals of the last minute, by the address of the peer."""

    def __init__(self) -> None:
        self._minutes: dict[str, _Minute] = {}

    def joined(self, record: AssociationRecord) -> AssociationRecord:
        """Return the record that tells of this one: itself, or the first of its minute with one more `times`."""
        if not record.is_refusal:
            return record
        of_kind = self._minute(record).of_kind
        if _kind(record) not in of_kind and len(of_kind) >= MOST_KINDS:
            record = _further(record)
        first = of_kind.get(_kind(record))
        if first is not None:
            record = replace(first, ended_ns=record.ended_ns, times=first.times + record.times)
        of_kind[_kind(record)] = record
        return record

    def _minute(self, record: AssociationRecord) -> _Minute:
        minute = self._minutes.get(record.address)
        if minute is None or record.ended_ns >= minute.until_ns:
            if minute is None and len(self._minutes) >= MOST_ADDRESSES:
                self._minutes.clear()  # the next refusal of each has a record of its own again
            minute = self._minutes[record.address] = _Minute(record.ended_ns + TOGETHER_NS)
        return minute


def _kind(record: AssociationRecord) -> _Kind:
    return record.calling_ae, record.called_ae, record.outcome, record.reason


def _further(record: AssociationRecord) -> AssociationRecord:
    reason = "refused for other titles or reasons as well: the log has each"
    return replace(record, calling_ae="", called_ae="", codes="", contexts_proposed=0, contexts=(), reason=reason)
