"""A question to Prefect for somebody who waits for the answer: given up after a moment."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from gateway.config import Settings

if TYPE_CHECKING:
    from gateway.runs.api import PrefectApi

T = TypeVar("T")

_ANSWER_SECONDS = 2.5


def ask_prefect(settings: Settings, question: "Callable[[PrefectApi], Awaitable[T]]") -> T:
    """Return the answer. Raises PrefectUnavailable, also where it takes too long, and PrefectRefused."""
    from gateway.runs.api import asked

    return asked(settings.prefect_api_url, question, answer_seconds=_ANSWER_SECONDS)
