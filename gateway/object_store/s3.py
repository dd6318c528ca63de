"""An object store that speaks S3: MinIO, Ceph, or a cloud's own."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from minio import Minio
from minio.helpers import ObjectWriteResult, check_bucket_name
from urllib3 import PoolManager

from gateway.config import S3StoreSettings
from gateway.disk.durable import Durability
from gateway.errors import CorruptedInTransit, NoSuchObject, SettingsError, StoreNotSetUp
from gateway.network.proxies import proxy_at
from gateway.network.trust import tls_context
from gateway.object_store.fetched_file import fetched_file
from gateway.object_store.key import begins_keys, checked
from gateway.object_store.port import StoredObject, Upload
from gateway.object_store.s3_errors import our_errors
from gateway.object_store.sent_parts import SentParts
from gateway.object_store.verified_reader import VerifiedReader
from gateway.web.pool import http_pool

# minio holds a whole part in memory. What fits in one part goes with one PUT.
PART_BYTES = 32 * 1024 * 1024

_PIECE_BYTES = 1 << 20
_CHECKSUM = "x-amz-checksum-crc32c"
_KEPT_CHECKSUM = "x-amz-meta-crc32c"
_MD5_ETAG = re.compile(r"[0-9a-f]{32}(-\d+)?")
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class S3ObjectStore:
    """A bucket of an S3 service."""

    def __init__(self, settings: S3StoreSettings, connections: PoolManager | None = None) -> None:
        self._endpoint = settings.endpoint
        self._bucket = settings.bucket
        try:
            check_bucket_name(settings.bucket)
            self._client = Minio(
                settings.endpoint,
                access_key=settings.access_key,
                secret_key=settings.secret_key.get_secret_value(),
                secure=settings.secure,
                region=settings.region,  # given: else minio asks for it
                http_client=connections or _connections(settings),
            )
        except ValueError as error:
            raise SettingsError(f"object_store: {error}") from error

    @property
    def bucket(self) -> str:
        return self._bucket

    def put(self, upload: Upload) -> StoredObject:
        key = checked(upload.key)
        with self._our_errors(key), VerifiedReader(upload) as reader:
            sent = SentParts(reader)
            answer = self._client.put_object(
                self._bucket,
                key,
                cast(BinaryIO, sent),
                upload.bytes,
                content_type=upload.content_type,
                metadata=dict(put_headers(upload)),
                part_size=PART_BYTES,
                num_parallel_uploads=1,
            )
            self._verify(upload, sent, answer)
        return StoredObject(key, upload.bytes, upload.crc32c)

    def stat(self, key: str) -> StoredObject | None:
        try:
            with self._our_errors(key):
                found = self._client.stat_object(self._bucket, checked(key))
        except NoSuchObject:
            return None
        return StoredObject(key, found.size or 0, _kept_checksum(found.metadata or {}))

    def fetch(self, key: str, to: Path, durability: Durability = Durability.DISK) -> StoredObject:
        with self._our_errors(key):
            answer = self._client.get_object(self._bucket, checked(key))
            try:
                size = int(answer.headers["content-length"])
                with fetched_file(to, durability) as writer:
                    for piece in answer.stream(_PIECE_BYTES, decode_content=False):
                        writer.write(piece)
                    return writer.verify(StoredObject(key, size, _kept_checksum(answer.headers)), CorruptedInTransit)
            finally:
                answer.close()
                answer.release_conn()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        if not begins_keys(prefix):
            return
        with self._our_errors():
            for found in self._client.list_objects(self._bucket, prefix, recursive=True):
                yield StoredObject(found.object_name or "", found.size or 0, None)

    def remove(self, key: str) -> None:
        with self._our_errors(key):
            self._client.remove_object(self._bucket, checked(key))

    def check(self) -> None:
        with self._our_errors():
            if not self._client.bucket_exists(self._bucket):
                raise StoreNotSetUp(f"there is no bucket {self._bucket} at the object store at {self._endpoint}")

    def _our_errors(self, key: str = "") -> AbstractContextManager[None]:
        return our_errors(self._endpoint, self._bucket, key)

    def _verify(self, upload: Upload, sent: SentParts, answer: ObjectWriteResult) -> None:
        if self._is_as_sent(upload, sent, answer):
            return
        # What is announced by its metadata is not what lies there: a repeated run must not take it for stored.
        self._client.remove_object(self._bucket, upload.key)
        raise CorruptedInTransit(
            f"the object store at {self._endpoint} stored other bytes than were sent: {upload.key}"
        )

    def _is_as_sent(self, upload: Upload, sent: SentParts, answer: ObjectWriteResult) -> bool:
        told = answer.http_headers.get(_CHECKSUM)
        if told and _is_single(upload):
            return told == _base64(upload.crc32c)
        if answer.etag == sent.etag:
            return True
        # Encrypted objects may have an ETag that is no MD5, and MinIO does not say so when it ends a multipart upload.
        # The service has verified each part as it came: what is left to verify is their sum.
        found = self._client.stat_object(self._bucket, upload.key)
        return found.size == upload.bytes and not _etag_is_md5(found.etag or "", found.metadata or {})


def _connections(settings: S3StoreSettings) -> PoolManager:
    tls = tls_context(settings.ca_file) if settings.secure else None
    return http_pool(settings.uploads_at_once, tls, proxy_at(settings.proxy.get_secret_value()))


def put_headers(upload: Upload) -> Iterator[tuple[str, str]]:
    """The headers of a PUT. minio passes on unchanged what begins with x-amz-, and signs it."""
    for name, value in upload.metadata.items():
        yield f"x-amz-meta-{name}", quote(value.strip(), safe=_PRINTABLE)
    yield _KEPT_CHECKSUM, _base64(upload.crc32c)
    if _is_single(upload):  # with it the service refuses other bytes; of a multipart upload it knows parts only
        yield _CHECKSUM, _base64(upload.crc32c)


def _is_single(upload: Upload) -> bool:
    return upload.bytes <= PART_BYTES


def _base64(crc32c: int) -> str:
    """A checksum as S3 writes it."""
    return base64.b64encode(crc32c.to_bytes(4, "big")).decode()


def _kept_checksum(headers: Mapping[str, str]) -> int | None:
    try:
        return int.from_bytes(base64.b64decode(headers[_KEPT_CHECKSUM], validate=True), "big")
    except (KeyError, binascii.Error):
        return None


def _etag_is_md5(etag: str, headers: Mapping[str, str]) -> bool:
    encryption = headers.get("x-amz-server-side-encryption", "")
    by_customer = "x-amz-server-side-encryption-customer-algorithm" in headers
    return bool(_MD5_ETAG.fullmatch(etag)) and not encryption.startswith("aws:kms") and not by_customer
