"""How answers of S3 services that MinIO can't be brought to give are understood."""

import pytest
from pydantic import SecretStr

from gateway.config import S3StoreSettings
from gateway.errors import CorruptedInTransit, GatewayError, StoreRefused, StoreUnavailable
from gateway.object_store.s3 import S3ObjectStore
from tests.gateway.answering import answering
from tests.gateway.object_store.uploads import upload


@pytest.mark.parametrize(
    ("status", "code", "expected", "told"),
    [
        (503, "SlowDown", StoreUnavailable, "can't serve just now (SlowDown)"),
        (500, "InternalError", StoreUnavailable, "can't serve just now (InternalError)"),
        (507, "XMinioStorageFull", StoreUnavailable, "can't serve just now (XMinioStorageFull)"),
        (400, "RequestTimeout", StoreUnavailable, "can't serve just now (RequestTimeout)"),
        (403, "RequestTimeTooSkewed", StoreUnavailable, "of this machine differ too much (RequestTimeTooSkewed)"),
        (400, "BadDigest", CorruptedInTransit, "received other bytes than were sent (BadDigest)"),
        (400, "AuthorizationHeaderMalformed", StoreRefused, "see object_store.region"),
        (400, "EntityTooLarge", StoreRefused, "refuses what is asked of the bucket monaideploy (EntityTooLarge)"),
    ],
)
def test_an_error_code_decides_whether_waiting_helps(
    status: int, code: str, expected: type[GatewayError], told: str
) -> None:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    with answering(status, body, "application/xml") as endpoint, pytest.raises(expected) as error:
        store(endpoint).put(upload("a"))
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("status", "expected", "told"),
    [
        (429, StoreUnavailable, "can't serve just now (HTTP status 429)"),
        (502, StoreUnavailable, "can't serve just now (HTTP status 502)"),
        (413, StoreRefused, "refuses what is asked of the bucket monaideploy (HTTP status 413)"),
    ],
)
def test_a_gateway_in_between_answers_with_a_page(status: int, expected: type[GatewayError], told: str) -> None:
    with answering(status, b"<html>\xe9</html>"[:6], "text/html") as endpoint, pytest.raises(expected) as error:
        store(endpoint).put(upload("a"))
    assert told in str(error.value)


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_service_is_unavailable_to_every_request(status: int) -> None:
    with answering(status, b"", "text/plain") as endpoint:
        busy = store(endpoint)
        for attempt in (busy.check, lambda: busy.stat("a"), lambda: list(busy.list("")), lambda: busy.remove("a")):
            with pytest.raises(StoreUnavailable, match=str(status)):
                attempt()


@pytest.mark.parametrize("body", [b"<Error><Code>Slow", b"<Error>\xff\xfe"])
def test_an_answer_that_is_not_of_s3_is_unavailable(body: bytes) -> None:
    with (
        answering(400, body, "application/xml") as endpoint,
        pytest.raises(StoreUnavailable, match="does not answer as an S3 service does"),
    ):
        store(endpoint).put(upload("a"))


def store(endpoint: str) -> S3ObjectStore:
    settings = S3StoreSettings(endpoint=endpoint, access_key="key", secret_key=SecretStr("secret"), secure=False)
    return S3ObjectStore(settings)
