"""What is refused by its head, how large a request may be, and how long it may take to come in.

Around the application, since a framework reads a body to its end before anybody can say that it is too long.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from listeners.api.problems import problem

_CLOSE = {"Connection": "close"}
_MOST_DROPPED_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """An ASGI application with its limits: 413 beyond the bytes, 408 after the seconds. `judge` refuses by the head."""

    app: ASGIApp
    max_body_bytes: int
    body_seconds: float
    judge: Callable[[Scope], Response | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        dated = _dated(send)
        deadline = asyncio.get_running_loop().time() + self.body_seconds
        if refusal := self._refusal(scope):
            await _refuse(refusal, scope, _Body(receive, _MOST_DROPPED_BYTES, deadline), dated)
        else:
            await self.app(scope, _Body(receive, self.max_body_bytes, deadline).receive, dated)

    def _refusal(self, scope: Scope) -> Response | None:
        if refusal := self.judge(scope):
            return refusal
        if _announced_bytes(scope) > self.max_body_bytes:
            return problem(413, detail=f"more than {self.max_body_bytes} bytes")
        return None


@dataclass
class _Body:
    """The body as it comes in, until it is whole. What it raises is answered inside the application."""

    source: Receive
    left_bytes: int
    deadline: float
    is_whole: bool = False

    async def receive(self) -> Message:
        if self.is_whole:  # what comes now is that the client has gone
            return await self.source()
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self.source()
        except TimeoutError:
            raise HTTPException(408, headers=_CLOSE) from None
        self.left_bytes -= len(message.get("body", b""))
        if self.left_bytes < 0:
            raise HTTPException(413, headers=_CLOSE)
        self.is_whole = not message.get("more_body", False)
        return message


async def _refuse(answer: Response, scope: Scope, body: _Body, send: Send) -> None:
    """Answer at once, and hang up when the body is here: who still sends would lose the answer with it."""

    async def stay(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    answer.headers.update(_CLOSE)
    await answer(scope, body.receive, stay)
    with suppress(HTTPException):
        while not body.is_whole:
            await body.receive()
    await send({"type": "http.response.body"})


def _announced_bytes(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _dated(send: Send) -> Send:
    """Add the time (RFC 9110 section 6.6.1): uvicorn would wake up every second to know it."""

    async def send_with_date(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Date"] = formatdate(usegmt=True)
        await send(message)

    return send_with_date
