"""The end of an export: judged as its files stand, and told."""

from collections import Counter
from datetime import datetime

from gateway.database.totals import Series
from gateway.destinations.registered import UNREGISTERED, Destinations
from gateway.exports.export_complete import export_complete
from gateway.exports.lease import ExportLease
from gateway.exports.settlement import ExportStatus, Settlement, settlement_of
from gateway.exports.states import TRANSITIONS, ExportOrigin, FileStatus
from gateway.work.transitions import Event

SETTLED = "exports_settled"
"""What is counted by destination and the state that an export has settled in there."""

_ENDS = {
    ExportStatus.SUCCESS: Event.SUCCEEDED,
    ExportStatus.PARTIAL_FAILURE: Event.SUCCEEDED_IN_PART,
    ExportStatus.FAILURE: Event.FAILED,
}


def settle(lease: ExportLease, destinations: Destinations, now: datetime, *, cancelled: bool = False) -> Settlement:
    """Settle an export, and leave the event that says so in the outbox, where somebody outside has asked for it."""
    export, rows = lease.row(), lease.destinations()
    paths, sends = lease.results()
    names = list(dict.fromkeys(row.name for row in rows))
    labels = {name: destinations.label(name, export.agent) for name in names}
    settlement = settlement_of(export.problem, paths, names, sends, labels)
    was_ended = cancelled and settlement.status is not ExportStatus.SUCCESS
    event = Event.CANCELLED if was_ended else _ENDS[settlement.status]
    is_told = export.origin is ExportOrigin.REQUEST
    told = export_complete(export, settlement, export.settlements + 1, now) if is_told else None
    lease.settle(event, settlement.message, told, _counted(settlement, destinations, event), now)
    return settlement


def _counted(settlement: Settlement, destinations: Destinations, event: Event) -> Counter[Series]:
    """Each destination with what became of the export there. Other names than registered ones come from outside."""
    counted: Counter[Series] = Counter()
    for place in settlement.destinations:
        name = place.name if place.name in destinations.registered else UNREGISTERED
        here = _ENDS[place.status]
        end = event if event is Event.CANCELLED and here is not Event.SUCCEEDED else here
        counted[Series(SETTLED, (name, TRANSITIONS.of(end).target))] += 1
    return counted


def give_up(
    lease: ExportLease, destinations: Destinations, reason: str, now: datetime, *, cancelled: bool = False
) -> Settlement:
    """Settle an export whose run is over, with everything that is missing as not sent for `reason`."""
    lease.fail(FileStatus.UNKNOWN, reason)
    return settle(lease, destinations, now, cancelled=cancelled)
