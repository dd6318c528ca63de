"""The tables of transitions, read as tables."""

import pytest

from gateway.exports.states import ExportState
from gateway.exports.tables import WORK as EXPORTS
from gateway.inference.row import WORK as REQUESTS
from gateway.inference.row import RequestState
from gateway.payloads.rows import WORK as PAYLOADS
from gateway.payloads.rows import Dispatch
from gateway.work.rows import WorkTable
from gateway.work.transitions import Event, Transitions, Writer, transition

ALL = pytest.mark.parametrize("work", [PAYLOADS, REQUESTS, EXPORTS], ids=lambda work: work.kind)


@ALL
def test_every_state_can_be_reached_from_the_first(work: WorkTable) -> None:
    table = work.transitions
    reached = {table.initial}
    while True:
        further = {row.target for row in table.rows if row.origins & reached} | reached
        if further == reached:
            break
        reached = further
    assert reached == set(table.states)


@ALL
def test_from_every_state_that_is_no_end_an_end_can_be_reached(work: WorkTable) -> None:
    table = work.transitions
    good = set(table.ends)
    while True:
        further = {origin for row in table.rows if row.target in good for origin in row.origins} | good
        if further == good:
            break
        good = further
    assert good == set(table.states)


@ALL
def test_what_is_over_goes_on_only_by_a_run_that_takes_it_or_a_retry(work: WorkTable) -> None:
    leads_back = {row.event for row in work.transitions.rows if row.origins & work.transitions.ends}
    within_ends = {row.event for row in work.transitions.rows if row.target in work.transitions.ends}
    assert leads_back - within_ends <= {Event.TAKEN, Event.RETRIED}


@ALL
def test_a_success_is_final(work: WorkTable) -> None:
    table = work.transitions
    success = table.of(Event.SUCCEEDED).target
    assert [row.event for row in table.rows if success in row.origins] == []


@ALL
def test_work_that_waits_is_released_given_another_run_or_taken(work: WorkTable) -> None:
    table = work.transitions
    waiting = table.of(Event.WAITS).target
    assert {Event.RELEASED, Event.RUN_LOST, Event.TAKEN} <= {row.event for row in table.rows if waiting in row.origins}


def test_the_way_of_an_export_without_trouble() -> None:
    table, state = EXPORTS.transitions, ExportState.RECORDED
    ways = []
    for event in (Event.DISPATCHED, Event.TAKEN, Event.WAITS, Event.RELEASED, Event.TAKEN, Event.SUCCEEDED):
        after = table.after(state, event)
        assert isinstance(after, ExportState)
        state = after
        ways.append(state)
    assert ways == ["queued", "sending", "waiting", "queued", "sending", "succeeded"]


def test_what_can_not_happen_leads_nowhere() -> None:
    assert EXPORTS.transitions.after(ExportState.SUCCEEDED, Event.TAKEN) is None
    assert REQUESTS.transitions.after(RequestState.COMPLETED, Event.RETRIED) is None
    assert PAYLOADS.transitions.after(Dispatch.RECORDED, Event.RELEASED) is None


def test_runs_write_as_holders_of_a_lease_and_the_dispatcher_only_what_it_saw() -> None:
    assert {event for event in Event if event.writer is Writer.DISPATCHER} == {
        Event.DISPATCHED,
        Event.RELEASED,
        Event.RUN_FAILED,
        Event.RUN_CANCELLED,
        Event.RUN_LOST,
        Event.RETRIED,
    }


def test_an_event_stands_once_in_a_table() -> None:
    rows = [transition(Event.TAKEN, {ExportState.QUEUED}, ExportState.SENDING)] * 2
    with pytest.raises(ValueError, match="twice"):
        Transitions(ExportState.RECORDED, set(), rows)
