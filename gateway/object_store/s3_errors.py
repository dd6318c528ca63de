"""What an S3 service, or the way to it, may answer, as an error of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError

from gateway.errors import CorruptedInTransit, GatewayError, NoSuchObject, StoreNotSetUp, StoreRefused, StoreUnavailable
from gateway.network.connection_errors import is_untrusted, reason

_KEY_REFUSED = (StoreNotSetUp, "{store} refuses the access key ({told})")
_CORRUPTED = (CorruptedInTransit, "{store} received other bytes than were sent ({told})")
_NOT_NOW = (StoreUnavailable, "{store} can't serve just now ({told})")
_REFUSAL = "{store} refuses what is asked of the bucket {bucket} ({told})"
_FORBIDDEN = (StoreNotSetUp, _REFUSAL)
_REFUSED = (StoreRefused, _REFUSAL)

_ANSWERS: dict[str, tuple[type[GatewayError], str]] = {
    "AuthorizationHeaderMalformed": (StoreNotSetUp, "{store} refuses the request ({told}): see object_store.region"),
    "BadDigest": _CORRUPTED,
    "ExpiredToken": _KEY_REFUSED,
    "IncompleteBody": _NOT_NOW,
    "InvalidAccessKeyId": _KEY_REFUSED,
    "NoSuchBucket": (StoreNotSetUp, "there is no bucket {bucket} at {store}"),
    "NoSuchKey": (NoSuchObject, "{store} has no object {key} in the bucket {bucket}"),
    "NoSuchUpload": _NOT_NOW,  # somebody tidied up the parts of an object under way
    "OperationAborted": _NOT_NOW,  # another request for the same object is under way
    "QuotaExceeded": _NOT_NOW,
    "RequestTimeTooSkewed": (StoreUnavailable, "the clocks of {store} and of this machine differ too much ({told})"),
    "RequestTimeout": _NOT_NOW,
    "SignatureDoesNotMatch": _KEY_REFUSED,
    "SlowDown": _NOT_NOW,
    "XAmzContentChecksumMismatch": _CORRUPTED,
    "XAmzContentSHA256Mismatch": _CORRUPTED,
    "XMinioAdminBucketQuotaExceeded": _NOT_NOW,
    "XMinioStorageFull": _NOT_NOW,
}
_TRANSIENT_STATUSES = {408, 425, 429}
_FORBIDDEN_STATUSES = {401, 403}


@contextmanager
def our_errors(endpoint: str, bucket: str, key: str = "") -> Iterator[None]:
    """Turn what minio and urllib3 raise in the block into errors of ours."""
    store = f"the object store at {endpoint}"
    try:
        yield
    except (S3Error, ServerError, InvalidResponseError) as error:
        raise _answered(*_told_by(error), store, bucket, key) from error
    except HTTPError as error:
        if is_untrusted(error):
            raise StoreNotSetUp(f"{store} can't be used: {reason(error)}") from error
        raise StoreUnavailable(f"{store} does not answer: {reason(error)}") from error
    except (MinioException, ParseError, UnicodeDecodeError) as error:
        raise StoreUnavailable(f"{store} does not answer as an S3 service does") from error


def _told_by(error: S3Error | ServerError | InvalidResponseError) -> tuple[str, int]:
    """The S3 error code, or "", and the HTTP status of an answer."""
    if isinstance(error, S3Error):
        # An answer to HEAD has no body, so minio guesses the code; MinIO tells it in a header.
        return error.response.headers.get("x-minio-error-code") or error.code or "", error.response.status
    return "", error.status_code if isinstance(error, ServerError) else error._code


def _answered(code: str, status: int, store: str, bucket: str, key: str) -> GatewayError:
    kind, text = _ANSWERS.get(code) or _by_status(status)
    return kind(text.format(store=store, bucket=bucket, key=key, told=code or f"HTTP status {status}"))


def _by_status(status: int) -> tuple[type[GatewayError], str]:
    if status >= 500 or status in _TRANSIENT_STATUSES:
        return _NOT_NOW
    return _FORBIDDEN if status in _FORBIDDEN_STATUSES else _REFUSED
