"""Destinations that are away, as all exports know them."""

from datetime import timedelta

import pytest

from gateway.destinations.circuits import PROBES, Circuits
from tests.gateway.conftest import on_both_databases
from tests.gateway.exports.scene import BEGAN, Scene

pytestmark = on_both_databases


@pytest.fixture
def circuits(scene: Scene) -> Circuits:
    return scene.circuits


def later(seconds: float) -> object:
    return BEGAN + timedelta(seconds=seconds)


def test_three_failures_in_a_row_open_a_circuit(circuits: Circuits) -> None:
    assert [circuits.failed("pacs", "refused", BEGAN).is_open for _ in range(3)] == [False, False, True]
    circuit = circuits.of("pacs")
    assert circuit
    assert (circuit.opened, circuit.next_probe, circuit.reason) == (BEGAN, later(5), "refused")
    assert circuits.of("vna") is None


def test_what_got_there_makes_it_forget(circuits: Circuits) -> None:
    circuits.failed("pacs", "refused", BEGAN)
    circuits.failed("pacs", "refused", BEGAN)
    circuits.answered("pacs", BEGAN)
    assert not circuits.failed("pacs", "refused", BEGAN).is_open


def test_a_destination_that_says_when_to_come_back_is_left_alone_until_then(circuits: Circuits) -> None:
    assert circuits.failed("vna", "too many", BEGAN, retry_after_seconds=300).is_open
    circuit = circuits.of("vna")
    assert circuit
    assert circuit.next_probe == later(300)


def test_probes_come_at_growing_intervals(circuits: Circuits) -> None:
    assert [PROBES.after(trips) for trips in (1, 2, 3, 4, 5, 100)] == [5, 10, 20, 40, 60, 60]
    for _ in range(3):
        circuits.failed("pacs", "refused", BEGAN)
    assert circuits.claim_probe(BEGAN + timedelta(seconds=4)) is None
    due = circuits.claim_probe(BEGAN + timedelta(seconds=5))
    assert due
    assert circuits.claim_probe(BEGAN + timedelta(seconds=6)) is None, "one prober at a time"
    circuits.probed(due, "still refused", BEGAN + timedelta(seconds=6))
    circuit = circuits.of("pacs")
    assert circuit
    assert (circuit.opened, circuit.next_probe, circuit.reason) == (BEGAN, later(16), "still refused")


def test_a_good_probe_closes_it_on_trial(circuits: Circuits) -> None:
    for _ in range(3):
        circuits.failed("pacs", "refused", BEGAN)
    due = circuits.claim_probe(BEGAN + timedelta(seconds=5))
    assert due
    circuits.probed(due, None, BEGAN + timedelta(seconds=5))
    circuit = circuits.of("pacs")
    assert circuit
    assert not circuit.is_open
    again = circuits.failed("pacs", "out of resources", BEGAN + timedelta(seconds=6))
    assert again.is_open
    assert again.next_probe == later(16), "and the next probe comes later than the first"


def test_where_nobody_probes_an_export_is_the_probe(circuits: Circuits) -> None:
    for _ in range(3):
        circuit = circuits.failed("pacs", "refused", BEGAN)
    assert circuit.blocks(BEGAN + timedelta(seconds=60))
    assert not circuit.blocks(BEGAN + timedelta(minutes=10))


def test_somebody_who_knows_better_may_have_it_tried(circuits: Circuits) -> None:
    for _ in range(3):
        circuits.failed("pacs", "refused", BEGAN)
    circuits.try_again("pacs")
    circuit = circuits.of("pacs")
    assert circuit
    assert not circuit.blocks(BEGAN)


def test_when_something_last_got_there_is_kept_to_the_minute(circuits: Circuits) -> None:
    def answered() -> object:
        circuit = circuits.of("pacs")
        return circuit and circuit.answered

    circuits.answered("pacs", BEGAN)
    circuits.answered("pacs", BEGAN + timedelta(seconds=59))
    assert answered() == BEGAN
    circuits.answered("pacs", BEGAN + timedelta(seconds=61))
    assert answered() == later(61)


def test_a_destination_refuses_us_since_the_first_time_until_it_takes_something(
    circuits: Circuits,
) -> None:
    circuits.answered("pacs", BEGAN)
    for seconds in (1, 2):
        circuits.refused("pacs", "called AE title not recognized (1/1/7)", BEGAN + timedelta(seconds=seconds))
    circuit = circuits.of("pacs")
    assert circuit
    assert (circuit.refused_since, circuit.refusal) == (later(1), "called AE title not recognized (1/1/7)")
    assert (circuit.answered, circuit.is_open) == (BEGAN, False)
    circuits.answered("pacs", BEGAN + timedelta(seconds=3))
    circuit = circuits.of("pacs")
    assert circuit
    assert (circuit.refused_since, circuit.refusal, circuit.answered) == (None, "", later(3))
