"""Who may look at the page."""

import asyncio

import pytest
from fastapi import HTTPException
from starlette.requests import Request

from listeners.page.guard import Guard


def asked_by(host: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": [], "client": (host, 50000)})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may(host: str) -> None:
    asyncio.run(Guard().only_here(asked_by(host)))


@pytest.mark.parametrize("host", ["10.1.0.17", "fe80::1", "::ffff:10.1.0.17", "nonsense"])
def test_others_are_told_why_not(host: str) -> None:
    with pytest.raises(HTTPException, match=r"on the gateway's own machine only.*ssh -L") as caught:
        asyncio.run(Guard().only_here(asked_by(host)))
    assert caught.value.status_code == 403


def test_each_process_has_a_token_of_its_own() -> None:
    assert Guard().token != Guard().token
