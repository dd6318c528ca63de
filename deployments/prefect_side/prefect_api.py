"""Prefect's own client, for what only it does, and its errors as ours. Runs are asked for by `gateway.runs`."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from gateway.errors import NotInPrefect, PrefectRefused, PrefectUnavailable
from gateway.network.connection_errors import reason

_COMES_AND_GOES = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


def prefect_client() -> PrefectClient:
    """A client that asks again at once where the server's SQLite was busy, instead of after two seconds."""
    return get_client(httpx_settings={"event_hooks": {"response": [_soon_again]}})


async def _soon_again(response: httpx.Response) -> None:
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers.setdefault("Retry-After", "0.1")


@contextmanager
def prefect_errors() -> Iterator[None]:
    """Turn what the client raises into ours. The text holds no body and no address: either may hold credentials."""
    try:
        yield
    except ObjectNotFound as error:
        raise NotInPrefect("Prefect does not know it") from error
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _COMES_AND_GOES:
            raise PrefectUnavailable(f"Prefect answered {status}") from error
        raise PrefectRefused(f"Prefect answered {status} to {error.request.method}") from error
    except httpx.TransportError as error:
        raise PrefectUnavailable(f"Prefect does not answer: {reason(error)}") from error


async def check_version(client: PrefectClient) -> None:
    """Refuse a server of another major version; Prefect's log warns of an older one. Within `prefect_errors`."""
    try:
        await client.raise_for_api_version_mismatch()
    except RuntimeError as error:
        if error.__cause__ is None:
            raise PrefectRefused(str(error)) from error
        could_not_be_asked = error.__cause__
    else:
        return
    raise could_not_be_asked  # out here it keeps what it was raised from
