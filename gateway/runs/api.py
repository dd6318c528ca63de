"""One Prefect server: a question and its answer. Every failure becomes PrefectUnavailable or PrefectRefused.

The texts hold no body, no parameter and no query: those may name a patient or carry credentials.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx

from gateway.errors import NotInPrefect, PrefectRefused, PrefectUnavailable, SettingsError
from gateway.network.connection_errors import is_untrusted, reason
from gateway.runs.access import Access, access

T = TypeVar("T")

_IDLE_SECONDS = 4.0  # a server closes an idle connection after 5 s: taken up just then, a request would be lost
_TRIES_WHILE_BUSY = 9  # a server on SQLite says 503 whenever somebody else writes just then
_BUSY_SECONDS = 0.1
_TRANSIENT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class PrefectApi:
    """Keeps connections to one server; to be used, as a context, within one event loop."""

    def __init__(self, api_url: str, how: Access | None = None, answer_seconds: float | None = None) -> None:
        """`how` is by default what the environment says; `answer_seconds` is for who can't wait as long as that."""
        how = how or access(api_url)
        self._client = httpx.AsyncClient(
            base_url=checked_address(api_url),
            headers=how.headers,
            verify=how.tls,
            timeout=answer_seconds or how.answer_seconds,
            limits=httpx.Limits(max_connections=8, keepalive_expiry=_IDLE_SECONDS),
            follow_redirects=True,
            trust_env=False,  # a part of ours is never asked through a proxy
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ask(self, method: str, path: str, read: Callable[[Any], T], content: object = None) -> T:
        """Return what `read` makes of the answer's JSON. Raises NotInPrefect besides the two."""
        answer = await self._answer(method, path, content)
        if answer.status_code == HTTPStatus.FORBIDDEN and "CSRF" in answer.text:
            await self._identify()
            answer = await self._answer(method, path, content)
        _raise_for_status(answer)
        try:
            return read(answer.json() if answer.content else None)
        except (ValueError, KeyError, TypeError) as error:
            raise PrefectRefused(f"what answers {method} there does not answer as Prefect does") from error

    async def do(self, method: str, path: str, content: object = None) -> None:
        """Ask where nothing is answered but that it is done."""
        await self.ask(method, path, lambda _: None, content)

    async def _answer(self, method: str, path: str, content: object) -> httpx.Response:
        """Ask, and ask again at once while the server's database is busy."""
        for _ in range(_TRIES_WHILE_BUSY - 1):
            answer = await self._send(method, path, content)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                return answer
            await asyncio.sleep(_BUSY_SECONDS)
        return await self._send(method, path, content)

    async def _send(self, method: str, path: str, content: object) -> httpx.Response:
        try:
            return await self._client.request(method, path, json=content)
        except httpx.RequestError as error:
            if is_untrusted(error):
                raise PrefectRefused(f"Prefect can't be used: {reason(error)}") from error
            raise PrefectUnavailable(f"Prefect does not answer: {reason(error)}") from error

    async def _identify(self) -> None:
        """Get the token that a server with protection against forged requests wants to see with each change."""
        client = str(uuid4())
        answer = await self._send("GET", f"csrf-token?client={client}", None)
        _raise_for_status(answer)
        self._client.headers.update({"Prefect-Csrf-Client": client, "Prefect-Csrf-Token": answer.json()["token"]})


def asked(api_url: str, question: Callable[[PrefectApi], Awaitable[T]], *, answer_seconds: float | None = None) -> T:
    """Ask once, in an event loop of its own: for who has none."""

    async def once() -> T:
        async with PrefectApi(api_url, answer_seconds=answer_seconds) as api:
            return await question(api)

    return asyncio.run(once())


def checked_address(api_url: str) -> httpx.URL:
    """Return the address that a setting names. Raises SettingsError."""
    try:
        address = httpx.URL(api_url)
    except httpx.InvalidURL as error:
        raise SettingsError(f"prefect.api_url is not an address: {error}") from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise SettingsError("prefect.api_url is not an address: it begins with http:// or https://, and a host")
    return address


def _raise_for_status(answer: httpx.Response) -> None:
    status, method = answer.status_code, answer.request.method
    if answer.is_success:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        raise PrefectUnavailable(f"Prefect answered {status}")
    if status == HTTPStatus.NOT_FOUND:
        raise NotInPrefect("Prefect does not know it")
    hint = ""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        hint = ": see PREFECT_API_AUTH_STRING and PREFECT_API_KEY in the environment"
    raise PrefectRefused(f"Prefect answered {status} to {method}{hint}")
