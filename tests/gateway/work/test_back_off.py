from itertools import islice

from gateway.work.back_off import BackOff
from gateway.work.waiting import TRIES_AGAIN


def test_delays_double_up_to_a_bound() -> None:
    assert list(islice(BackOff(0.25, 2).delays(), 6)) == [0.25, 0.5, 1, 2, 2, 2]


def test_work_waits_up_to_a_quarter_of_an_hour() -> None:
    assert [TRIES_AGAIN.after(count) for count in range(1, 8)] == [30, 60, 120, 240, 480, 900, 900]
    assert (TRIES_AGAIN.after(0), TRIES_AGAIN.after(10_000)) == (30, 900)
