"""How long a task waits before it tries again: as long as ours do, or as Prefect's own setting says."""

import pytest

from tasks.retrying import retry_delays_seconds


@pytest.mark.parametrize(
    ("of_prefect", "expected"),
    [(0, [1, 2, 4, 8]), (None, [1, 2, 4, 8]), (3, [3, 3, 3, 3]), ([0.1, 0.2], [0.1, 0.2, 0.2, 0.2])],
)
def test_a_delay_is_ours_unless_prefect_is_told_another(
    of_prefect: float | list[float] | None, expected: list[float]
) -> None:
    assert retry_delays_seconds(of_prefect) == expected
