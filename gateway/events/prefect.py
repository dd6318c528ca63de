"""Events of Prefect: the dashboard's event feed shows them, and automations can react to them.

Prefect answers before it has recorded an event, and loses it in silence if it is killed meanwhile, its queue is full
or the event is too large. So an event counts as published once it can be read back by its id.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from gateway.errors import BrokerRefused, BrokerUnavailable, SettingsError
from gateway.events.port import Message
from gateway.network.connection_errors import is_untrusted, reason
from gateway.runs.access import access

_ANSWER_SECONDS = 10
_RECORD_SECONDS = 10  # Prefect records what it has every 5 s, unless it is told otherwise
_SLOWEST_POLL_SECONDS = 0.5

# Prefect takes a larger one, answers 204, and drops it, unless it is told otherwise.
_USUAL_LIMIT_BYTES = 1_500_000

_TRANSIENT_STATUSES = (408, 425, 429)


class PrefectPublisher:
    """Publishes to the API at `api_url`, with the credentials that Prefect's own clients take from the environment."""

    def __init__(self, api_url: str, record_seconds: float = _RECORD_SECONDS) -> None:
        self._record_seconds = record_seconds
        self._client = _client(api_url)
        self._server = f"the Prefect server at {self._client.base_url.netloc.decode()}"

    def publish(self, message: Message) -> None:
        if self._is_recorded(message):  # a repeat has nothing to wait for
            return
        event = _event(message)
        for _ in range(2):
            self._ask("POST", "events", [event])
            if self._is_recorded_in_time(message):
                return
        self._raise_lost(event)

    def check(self) -> None:
        self._ask("GET", "ready")

    def close(self) -> None:
        self._client.close()

    def _is_recorded_in_time(self, message: Message) -> bool:
        deadline = time.monotonic() + self._record_seconds
        poll_seconds = 0.05
        while time.monotonic() < deadline:
            if self._is_recorded(message):
                return True
            time.sleep(poll_seconds)
            poll_seconds = min(2 * poll_seconds, _SLOWEST_POLL_SECONDS)
        return False

    def _is_recorded(self, message: Message) -> bool:
        # Left out, Prefect's limits are its own clock's now, and half a year before.
        occurred = {"since": _text(message.timestamp - timedelta(days=1)), "until": "9999-01-01T00:00:00Z"}
        question = {"filter": {"id": {"id": [str(message.message_id)]}, "occurred": occurred}, "limit": 1}
        answer = self._ask("POST", "events/filter", question)
        with self._our_errors():
            return bool(answer.json()["events"])

    def _ask(self, method: str, path: str, content: Any = None) -> httpx.Response:
        with self._our_errors():
            answer = self._client.request(method, path, json=content)
        if answer.is_success:
            return answer
        told = f"{self._server} answers {method} {answer.url.path} with HTTP status {answer.status_code}"
        if answer.status_code >= 500 or answer.status_code in _TRANSIENT_STATUSES:
            raise BrokerUnavailable(told)
        if answer.status_code in (401, 403):
            raise BrokerRefused(f"{told}: see PREFECT_API_AUTH_STRING and PREFECT_API_KEY in the environment")
        raise BrokerRefused(told)

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            if is_untrusted(error):
                raise BrokerRefused(f"{self._server} can't be used: {reason(error)}") from error
            raise BrokerUnavailable(f"{self._server} does not answer: {reason(error)}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BrokerUnavailable(f"{self._server} does not answer as Prefect does") from error

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


def _client(api_url: str) -> httpx.Client:
    how = access(api_url)
    try:
        return httpx.Client(
            base_url=api_url,
            headers=how.headers,
            timeout=_ANSWER_SECONDS,
            verify=how.tls,
            trust_env=False,  # a part of ours is never asked through a proxy
        )
    except httpx.InvalidURL as error:
        raise SettingsError(f"prefect.api_url is not an address: {error}") from error


def _event(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.message_id),
        "occurred": _text(datetime.now(UTC)),  # Prefect deletes events a week after this
        "event": message.routing_key,
        "resource": {"prefect.resource.id": f"informatics-gateway.{message.about}"},
        "payload": json.loads(message.body),
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
