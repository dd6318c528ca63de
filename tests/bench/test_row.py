"""What a row of the report says of its figure."""

import pytest

from bench.row import Row, figure


def row(**more: object) -> Row:
    return Row(**{"what": "intake", "unit": "instances/s", "ours": 300.0} | more)  # type: ignore[arg-type]


def test_a_bound_is_of_the_ratio_where_there_is_a_peer() -> None:
    assert row(peer=100.0, at_least=3.0).met is True
    assert row(peer=101.0, at_least=3.0).met is False
    assert row(peer=250.0, at_most=1.2).met is True


def test_a_bound_is_of_the_figure_where_there_is_none() -> None:
    assert row(at_least=300.0).met is True
    assert row(at_most=299.0).met is False


def test_a_figure_without_a_bound_is_neither_met_nor_missed() -> None:
    assert row(peer=100.0).met is None
    assert "met" not in row(peer=100.0).as_json()


def test_the_report_has_the_ratio_and_what_it_is_of() -> None:
    told = row(peer=90.0, peer_name="Orthanc", at_least=3.5, cpu_ms=0.28571, peer_cpu_ms=2.78).as_json()
    assert told == {
        "what": "intake",
        "unit": "instances/s",
        "ours": 300.0,
        "peer": 90.0,
        "peer_name": "Orthanc",
        "ratio": 3.333,
        "at_least": 3.5,
        "met": False,
        "cpu_ms": 0.2857,
        "peer_cpu_ms": 2.78,
    }


@pytest.mark.parametrize(("number", "text"), [(12345.6, "12,346"), (99.95, "100"), (3.14159, "3.14"), (0.0, "0")])
def test_figures_are_short(number: float, text: str) -> None:
    assert figure(number) == text
