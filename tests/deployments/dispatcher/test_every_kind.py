"""The one engine, over every kind of work, against a real Prefect server."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled, Completed, Crashed, Failed, Running
from sqlalchemy import update

from gateway.errors import BrokerUnavailable, Dependency
from gateway.kinds import KINDS, ask
from gateway.work.commands import Commands, NothingToDo, OperatorCommand, Wish
from gateway.work.rows import Work
from gateway.work.waiting import Wait, tag_of
from tests.deployments.dispatching import Dispatching, KindScene, dispatching_on
from tests.deployments.operator import Operator
from tests.peers.ports import free_port
from tests.peers.prefect_server import PrefectServer
from tests.waiting import wait_until

AWAY = Wait(Dependency.EVENTS, "nobody listens")


class Broker:
    """A part that answers or not, and counts how often it was asked."""

    def __init__(self) -> None:
        self.answers, self.asked = False, 0

    def check(self) -> None:
        self.asked += 1
        if not self.answers:
            raise BrokerUnavailable("away")


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def dispatching(tmp_path: Path, prefect: PrefectServer, work_pool: str, broker: Broker) -> Iterator[Dispatching]:
    with dispatching_on(tmp_path, prefect.api_url, work_pool) as dispatching:
        dispatching.probes[Dependency.EVENTS] = broker.check
        yield dispatching


@pytest.fixture(params=list(KINDS))
def work(request: pytest.FixtureRequest, dispatching: Dispatching) -> KindScene:
    return KindScene(request.param, dispatching)


def dispatched(work: KindScene, state: State[Any] | None = None, operator: Operator | None = None) -> UUID:
    """New work with its run, which is in this state."""
    work_id = work.new()
    work.dispatching.look()
    if state is not None and operator is not None:
        operator.client.set_flow_run_state(work.run_id(work_id), state, force=True)
    return work_id


def waiting_run(work: KindScene, operator: Operator, wait: Wait = AWAY, seconds: float = 600) -> UUID:
    """Work whose run waits."""
    work_id = dispatched(work)
    wait_again(work, operator, work_id, wait, seconds)
    return work_id


def wait_again(work: KindScene, operator: Operator, work_id: UUID, wait: Wait = AWAY, seconds: float = 600) -> None:
    work.wait(work_id, wait, seconds)
    due = work.dispatching.now + timedelta(seconds=seconds)
    operator.client.set_flow_run_state(
        work.run_id(work_id), AwaitingRetry(message="waits", scheduled_time=due), force=True
    )


def is_released(work: KindScene, operator: Operator, work_id: UUID) -> bool:
    return (operator.state(work.run_id(work_id)).message or "").endswith("answers again.")


def test_it_gets_one_run_whose_name_tells_an_id(work: KindScene, operator: Operator) -> None:
    work_id = dispatched(work)
    run = operator.run(work.run_id(work_id))
    assert str(work_id)[:8] in run.name
    assert str(work_id) in run.parameters.values()
    work.dispatching.look()
    assert work.run_id(work_id) == run.id


def test_work_whose_run_was_not_noted_gets_no_second(work: KindScene, operator: Operator) -> None:
    """As after a kill between the two, and as where two dispatchers look at the same time."""
    work_id = dispatched(work)
    run_id, ledger = work.run_id(work_id), KINDS[work.name](work.dispatching.node).ledger
    with ledger.engine.begin() as connection:
        forgotten = {"flow_run_id": None, "state": ledger.of.transitions.initial}
        connection.execute(update(ledger.of.table).values(forgotten))
    work.dispatching.look()
    assert work.run_id(work_id) == run_id


def test_a_run_that_was_deleted_is_followed_by_another(work: KindScene, operator: Operator) -> None:
    work_id = dispatched(work)
    first = work.run_id(work_id)
    operator.client.delete_flow_run(first)
    work.dispatching.reconcile()
    work.dispatching.look()
    assert work.run_id(work_id) != first
    assert operator.state(work.run_id(work_id)).name == "Scheduled"


def test_whoever_held_it_when_its_run_was_lost_is_fenced_off(work: KindScene, operator: Operator) -> None:
    work_id = dispatched(work)
    before = KINDS[work.name](work.dispatching.node).ledger.find(work_id)
    operator.client.delete_flow_run(work.run_id(work_id))
    work.dispatching.reconcile()
    after = KINDS[work.name](work.dispatching.node).ledger.find(work_id)
    assert before
    assert after
    assert after.fencing_token > before.fencing_token


@pytest.mark.parametrize("state", [Running(), Crashed(), Completed()])
def test_a_run_that_goes_on_or_has_just_ended_is_waited_for(
    work: KindScene, operator: Operator, state: State[Any]
) -> None:
    """What crashes again and again comes at growing intervals: the first is of ten seconds."""
    work_id = dispatched(work, state, operator)
    run_id = work.run_id(work_id)
    work.dispatching.reconcile()
    work.dispatching.look()
    assert work.run_id(work_id) == run_id


@pytest.mark.parametrize("state", [Failed, Cancelled])
def test_what_its_kind_makes_of_the_end_of_a_run(
    work: KindScene, operator: Operator, state: Callable[..., State[Any]]
) -> None:
    work_id = dispatched(work, state(message="told to end"), operator)
    work.dispatching.reconcile()
    found = KINDS[work.name](work.dispatching.node).ledger.find(work_id)
    assert found
    expected = {"payload": "dispatched"}.get(work.name, "failed" if state is Failed else "cancelled")
    assert found.state == expected


def test_nobody_is_released_while_the_part_is_away(work: KindScene, operator: Operator) -> None:
    work_id = waiting_run(work, operator)
    work.dispatching.release()
    assert not is_released(work, operator, work_id)


def test_all_that_wait_go_on_when_the_part_answers_the_oldest_first(
    work: KindScene, operator: Operator, broker: Broker
) -> None:
    works = []
    for _ in range(3):
        works.append(waiting_run(work, operator))
        work.dispatching.clock.move(1)
    work.dispatching.release()
    broker.answers = True
    work.dispatching.release()
    released = [operator.state(work.run_id(work_id)) for work_id in works]
    assert all((state.message or "").endswith("answers again.") for state in released)
    assert [state.timestamp for state in released] == sorted(state.timestamp for state in released)
    due = released[0].state_details.scheduled_time
    assert due
    assert due <= datetime.now(UTC)


def test_who_waits_for_something_else_goes_on_waiting(work: KindScene, operator: Operator, broker: Broker) -> None:
    work_id = waiting_run(work, operator, Wait(Dependency.NOTHING_ASKABLE, "no room"))
    broker.answers = True
    work.dispatching.release()
    assert not is_released(work, operator, work_id)


def test_a_run_that_is_due_anyway_is_left_to_start_by_itself(
    work: KindScene, operator: Operator, broker: Broker
) -> None:
    work_id = waiting_run(work, operator, seconds=4)
    broker.answers = True
    work.dispatching.release()
    assert not is_released(work, operator, work_id)


def test_work_that_fails_again_though_the_part_answers_keeps_its_own_delay(
    work: KindScene, operator: Operator, broker: Broker
) -> None:
    work_id = waiting_run(work, operator)
    broker.answers = True
    work.dispatching.release()
    wait_again(work, operator, work_id)
    for _ in range(5):
        work.dispatching.clock.move(2)
        work.dispatching.release()
    assert not is_released(work, operator, work_id)


def test_a_run_that_has_said_that_it_waits_and_has_yet_to_end_is_released_the_next_time(
    work: KindScene, operator: Operator, broker: Broker
) -> None:
    """Else nobody would: its wait would be over, and the run sleep until its own time."""
    work_id = dispatched(work, Running(), operator)
    work.wait(work_id, AWAY)
    broker.answers = True
    work.dispatching.release()
    due = work.dispatching.now + timedelta(seconds=600)
    operator.client.set_flow_run_state(
        work.run_id(work_id), AwaitingRetry(message="waits", scheduled_time=due), force=True
    )
    work.dispatching.clock.move(2)
    work.dispatching.release()
    assert is_released(work, operator, work_id)


def test_the_next_outage_releases_it_again(work: KindScene, operator: Operator, broker: Broker) -> None:
    work_id = waiting_run(work, operator)
    broker.answers = True
    work.dispatching.release()
    wait_again(work, operator, work_id)
    broker.answers = False
    work.dispatching.clock.move(16)
    work.dispatching.release()
    broker.answers = True
    work.dispatching.clock.move(16)
    work.dispatching.release()
    assert is_released(work, operator, work_id)


def test_a_part_is_asked_seldom_while_nobody_is_to_be_released(
    work: KindScene, operator: Operator, broker: Broker
) -> None:
    work_id = waiting_run(work, operator)
    broker.answers = True
    work.dispatching.release()
    wait_again(work, operator, work_id)
    before = broker.asked
    for _ in range(10):
        work.dispatching.clock.move(2)
        work.dispatching.release()
    assert broker.asked - before == 1


def test_a_run_whose_wait_could_not_be_written_is_found_by_its_tag(work: KindScene, operator: Operator) -> None:
    """As where the database is what it waits for."""
    work_id = dispatched(work)
    run_id, due = work.run_id(work_id), work.dispatching.now + timedelta(seconds=600)
    operator.client.update_flow_run(run_id, tags=[tag_of(Dependency.DATABASE)])
    operator.client.set_flow_run_state(run_id, AwaitingRetry(message="waits", scheduled_time=due), force=True)
    work.dispatching.release_without_row()
    assert is_released(work, operator, work_id)


@pytest.mark.parametrize("state", [Failed, Cancelled, None])
def test_a_retry_starts_the_run_now(
    work: KindScene, operator: Operator, state: Callable[..., State[Any]] | None
) -> None:
    work_id = dispatched(work, state(), operator) if state else waiting_run(work, operator)
    work.dispatching.reconcile()
    row = work.asked(work_id, OperatorCommand.RETRY)
    assert (row.carried_out, row.outcome) == (True, "its run starts now")
    due = operator.state(work.run_id(work_id)).state_details.scheduled_time
    assert due
    assert due <= datetime.now(UTC)


def test_a_retry_whose_run_is_gone_has_another(work: KindScene, operator: Operator) -> None:
    work_id = waiting_run(work, operator)
    first = work.run_id(work_id)
    operator.client.delete_flow_run(first)
    assert work.asked(work_id, OperatorCommand.RETRY).outcome == "another run is asked for"
    work.dispatching.look()
    assert work.run_id(work_id) != first


def test_a_cancel_ends_the_run(work: KindScene, operator: Operator) -> None:
    work_id = dispatched(work)
    assert work.asked(work_id, OperatorCommand.CANCEL).carried_out
    assert operator.state(work.run_id(work_id)).name == "Cancelled"
    found = KINDS[work.name](work.dispatching.node).ledger.find(work_id)
    assert found
    assert found.state == ("dispatched" if work.name == "payload" else "cancelled")


def test_a_cancel_of_work_that_changes_meanwhile_ends_what_it_has_become(
    work: KindScene, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is gone, as after an upgrade, and while the command is carried out another is asked for."""
    work_id = waiting_run(work, operator)
    operator.client.delete_flow_run(work.run_id(work_id))
    kind = KINDS[work.name](work.dispatching.node)

    def refusal_late(_self: object, seen: Work, _command: OperatorCommand) -> None:
        kind.ledger.ask_for_another_run(seen)

    command_id = ask(work.dispatching.node, Wish(work.name, work_id, OperatorCommand.CANCEL), "a test")
    with monkeypatch.context() as patch:
        patch.setattr(type(kind), "refusal", refusal_late)
        work.dispatching.carry_out()
    work.dispatching.look()
    work.dispatching.carry_out()
    row = Commands(work.dispatching.node.database).row(command_id)
    assert row
    assert row.carried_out
    work.dispatching.look()
    found = kind.ledger.find(work_id)
    assert found
    assert found.state == ("dispatched" if work.name == "payload" else "cancelled")
    assert found.flow_run_id is None or operator.state(found.flow_run_id).name == "Cancelled"


@pytest.mark.parametrize("work", ["request", "export"], indirect=True)
def test_a_run_of_work_that_is_cancelled_while_the_run_is_created_is_cancelled(
    work: KindScene, operator: Operator
) -> None:
    """Else it would send what somebody has just cancelled, as a retry does. A payload is refused until it has a run."""
    work_id = work.new()
    work.dispatching.run_created = lambda: work.asked(work_id, OperatorCommand.CANCEL)
    work.dispatching.look()
    assert operator.state(work.run_id(work_id)).name == "Cancelled"


def test_what_is_asked_while_prefect_is_away_is_done_when_it_is_back(work: KindScene, operator: Operator) -> None:
    work_id = waiting_run(work, operator)
    node, api_url = work.dispatching.node, work.dispatching.api_url
    command_id = ask(node, Wish(work.name, work_id, OperatorCommand.RETRY), "a test")
    work.dispatching.api_url = f"http://127.0.0.1:{free_port()}/api"
    with pytest.raises(Exception, match="Prefect does not answer"):
        work.dispatching.carry_out()
    row = Commands(node.database).row(command_id)
    assert row
    assert row.done is None
    work.dispatching.api_url = api_url
    work.dispatching.carry_out()
    row = Commands(node.database).row(command_id)
    assert row
    assert row.carried_out


def test_asked_for_twice_it_is_done_once(work: KindScene, operator: Operator) -> None:
    work_id = waiting_run(work, operator)
    first = ask(work.dispatching.node, Wish(work.name, work_id, OperatorCommand.RETRY), "one")
    assert ask(work.dispatching.node, Wish(work.name, work_id, OperatorCommand.RETRY), "another") == first
    work.dispatching.carry_out()
    rows = Commands(work.dispatching.node.database).of_work(work.name, work_id)
    assert [(row.asked_by, row.carried_out) for row in rows] == [("one", True)]


def test_what_makes_no_sense_is_refused_at_once_or_by_the_dispatcher(work: KindScene, operator: Operator) -> None:
    work_id = dispatched(work, Running(), operator)
    if work.name == "export":  # whose row says it
        with pytest.raises(NothingToDo, match="is queued: it goes on by itself"):
            work.asked(work_id, OperatorCommand.RETRY)
    else:
        row = work.asked(work_id, OperatorCommand.RETRY)
        assert (row.carried_out, row.outcome) == (False, "its run is Running: it goes on by itself")


@pytest.mark.parametrize("work", ["request", "export"], indirect=True)
def test_a_retry_of_what_has_failed_waits_for_its_run_to_end(work: KindScene, operator: Operator) -> None:
    """The run says so of the work, and ends a moment later: it does not go on by itself."""
    work_id = dispatched(work, Running(), operator)
    ledger = KINDS[work.name](work.dispatching.node).ledger
    with ledger.engine.begin() as connection:
        connection.execute(update(ledger.of.table).values(state="failed"))
    commands = Commands(work.dispatching.node.database)
    assert work.asked(work_id, OperatorCommand.RETRY).done is None
    operator.client.set_flow_run_state(work.run_id(work_id), Failed(), force=True)

    def carried_out() -> bool:
        work.dispatching.carry_out()
        (row,) = commands.of_work(work.name, work_id)
        return bool(row.carried_out)

    wait_until(carried_out, 10, "the command to be carried out")
    assert operator.state(work.run_id(work_id)).name != "Failed"


def test_a_thousand_exports_hold_up_no_payload(dispatching: Dispatching, operator: Operator) -> None:
    exports, payloads = KindScene("export", dispatching), KindScene("payload", dispatching)
    asked = [exports.new() for _ in range(1000)]
    payload = payloads.new()
    dispatching.look()
    payload_run = operator.run(payloads.run_id(payload))
    ledger = dispatching.node.exports.work
    assert ledger.count(ledger.of.transitions.states[1]) == 8, "so many wait for a worker, and no more"
    first = operator.run(exports.run_id(asked[0]))
    assert payload_run.created
    assert first.created
    assert payload_run.created < first.created


def test_a_kind_without_its_row_is_found(dispatching: Dispatching) -> None:
    """Whatever has a table of work has a row among the kinds, under the name that its table says."""
    for name, make in KINDS.items():
        assert make(dispatching.node).ledger.of.kind == name
