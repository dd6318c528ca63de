"""Events of Prefect: the dashboard's event feed shows them, and automations can react to them.

Prefect answers before it has recorded an event, and loses it in silence if it is killed meanwhile, its queue is full
or the event is too large. So an event counts as published once it can be read back by its id.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid5

from gateway.errors import BrokerNotSetUp, BrokerRefused, BrokerUnavailable, PrefectRefused, PrefectUnavailable
from gateway.events.port import Message
from gateway.runs.api import PrefectApi, asked, checked_address

_ANSWER_SECONDS = 10
_RECORD_SECONDS = 10  # Prefect records what it has every 5 s, unless it is told otherwise
_SLOWEST_POLL_SECONDS = 0.5

# Prefect takes a larger one, answers 204, and drops it, unless it is told otherwise.
_USUAL_LIMIT_BYTES = 1_500_000


class PrefectPublisher:
    """Publishes to the API at `api_url`, with the credentials that Prefect's own clients take from the environment."""

    def __init__(self, api_url: str, record_seconds: float = _RECORD_SECONDS) -> None:
        self._api_url, self._record_seconds = api_url, record_seconds
        self._server = f"the Prefect server at {checked_address(api_url).netloc.decode()}"

    def publish(self, message: Message) -> None:
        self._ask(partial(self._publish, message))

    def check(self) -> None:
        self._ask(lambda api: api.do("GET", "ready"))

    def close(self) -> None:
        """Nothing is open between two questions."""

    def _ask(self, question: Callable[[PrefectApi], Awaitable[None]]) -> None:
        try:
            asked(self._api_url, question, answer_seconds=_ANSWER_SECONDS)
        except PrefectUnavailable as error:
            raise BrokerUnavailable(f"{self._server}: {error}") from error
        except PrefectRefused as error:
            raise BrokerNotSetUp(f"{self._server}: {error}") from error

    async def _publish(self, message: Message, api: PrefectApi) -> None:
        if await _is_recorded(api, message):  # a repeat has nothing to wait for
            return
        event = _event(message)
        for _ in range(2):
            await api.do("POST", "events", [event])
            if await self._is_recorded_in_time(api, message):
                return
        self._raise_lost(event)

    async def _is_recorded_in_time(self, api: PrefectApi, message: Message) -> bool:
        deadline = time.monotonic() + self._record_seconds
        poll_seconds = 0.05
        while time.monotonic() < deadline:
            if await _is_recorded(api, message):
                return True
            await asyncio.sleep(poll_seconds)
            poll_seconds = min(2 * poll_seconds, _SLOWEST_POLL_SECONDS)
        return False

    def _raise_lost(self, event: dict[str, Any]) -> None:
        size = len(json.dumps(event))
        if size > _USUAL_LIMIT_BYTES:
            raise BrokerRefused(
                f"{self._server} does not record an event of {size} bytes: set "
                "PREFECT_SERVER_EVENTS_MAXIMUM_SIZE_BYTES there, or use RabbitMQ"
            )
        raise BrokerUnavailable(
            f"{self._server} took the event twice, but had not recorded it after {2 * self._record_seconds:g} s"
        )


async def _is_recorded(api: PrefectApi, message: Message) -> bool:
    # Left out, Prefect's limits are its own clock's now, and half a year before.
    occurred = {"since": _text(message.timestamp - timedelta(days=1)), "until": "9999-01-01T00:00:00Z"}
    question = {"filter": {"id": {"id": [_event_id(message)]}, "occurred": occurred}, "limit": 1}
    return await api.ask("POST", "events/filter", lambda answer: bool(answer["events"]), question)


def _event(message: Message) -> dict[str, Any]:
    return {
        "id": _event_id(message),
        "occurred": _text(datetime.now(UTC)),  # Prefect deletes events a week after this
        "event": message.routing_key,
        "resource": {
            "prefect.resource.id": f"informatics-gateway.{message.about}",
            "informatics-gateway.message-id": str(message.message_id),
        },
        "payload": json.loads(message.body),
    }


def _event_id(message: Message) -> str:
    """That of the message. Prefect keeps one event of an id, so one that is said again has an id for each time."""
    return str(uuid5(message.message_id, message.again.isoformat()) if message.again else message.message_id)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
