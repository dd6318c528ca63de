"""A question to Prefect for somebody who waits for the answer: given up after a moment."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.config import Settings
from gateway.runs.api import PrefectApi, asked

T = TypeVar("T")

_ANSWER_SECONDS = 2.5


def ask_prefect(settings: Settings, question: Callable[[PrefectApi], Awaitable[T]]) -> T:
    """Return the answer. Raises PrefectUnavailable, also where it takes too long, and PrefectRefused."""
    return asked(settings.prefect_api_url, question, answer_seconds=_ANSWER_SECONDS)
