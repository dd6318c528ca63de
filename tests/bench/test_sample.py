"""What rounds say together."""

from bench.sample import Median, Sample, interleaved

QUICK = Sample(instances=100, seconds=0.5, cpu_seconds=0.02, peak_bytes=2_000_000, other_cpu_seconds=0.1)
SLOW = Sample(instances=100, seconds=2.0, cpu_seconds=0.04, peak_bytes=4_000_000, other_cpu_seconds=0.1)


def test_one_slow_round_does_not_count() -> None:
    median = Median.of([QUICK, SLOW, QUICK])
    assert (median.rate, median.cpu_ms, median.peak_mb) == (200.0, 0.2, 2.0)


def test_rounds_are_interleaved() -> None:
    taken: list[str] = []

    def way(name: str) -> Sample:
        taken.append(name)
        return QUICK

    found = interleaved({name: lambda name=name: way(name) for name in "ab"}, 2, taken.append, "x")  # type: ignore[misc]
    assert [name for name in taken if name in "ab"] == ["a", "b", "a", "b"]
    assert found == {"a": [QUICK, QUICK], "b": [QUICK, QUICK]}


def test_senders_that_never_rest_are_told() -> None:
    busy = Sample(instances=100, seconds=1.0, cpu_seconds=0.1, other_cpu_seconds=0.95)
    assert Median.of([busy]).limit() == "the senders were the limit"
    assert Median.of([QUICK]).limit() == ""
