"""An answer that is good for a moment."""

import asyncio
from collections.abc import Iterator

from listeners.api.recent import Recent
from tests.clock import MovableClock


def test_whoever_comes_at_once_gets_one_answer_and_later_another() -> None:
    asked: list[int] = []
    clock = MovableClock()

    def ask() -> int:
        asked.append(1)
        return len(asked)

    async def many() -> list[int]:
        recent = Recent(ask, 2.0, clock)
        together = await asyncio.gather(*(recent.get() for _ in range(100)))
        clock.move(2.1)
        return [*together, await recent.get()]

    assert asyncio.run(many()) == [1] * 100 + [2]


def test_a_failure_is_nobody_elses_answer() -> None:
    answers: Iterator[int | OSError] = iter([OSError("away"), 1])

    def ask() -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def twice() -> tuple[int | BaseException, int | BaseException]:
        recent = Recent(ask, 2.0)
        return await asyncio.gather(recent.get(), recent.get(), return_exceptions=True)

    first, second = asyncio.run(twice())
    assert isinstance(first, OSError)
    assert second == 1
