"""What is peculiar to an S3 service, tried on MinIO."""

import base64
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from crc32c import crc32c
from minio.credentials.providers import StaticProvider
from minio.error import S3Error
from minio.minioadmin import MinioAdmin
from minio.sseconfig import Rule, SSEConfig
from pydantic import SecretStr

from gateway.config import S3StoreSettings, Settings
from gateway.errors import CorruptedInTransit, SettingsError, StoreRefused, StoreUnavailable
from gateway.object_store import ObjectStore, open_object_store
from gateway.object_store.s3 import PART_BYTES, S3ObjectStore, put_headers
from gateway.web.pool import http_pool
from tests.certificates import self_signed
from tests.gateway.object_store.conftest import settings_for
from tests.gateway.object_store.uploads import upload, zeros
from tests.gateway.proxy import proxy
from tests.peers import minio as minio_peer
from tests.peers.minio import MinIO
from tests.peers.processes import listens

pytestmark = pytest.mark.peers

CLONE = Path(__file__).parents[3]
DOCUMENTATION = CLONE / "docs" / "object-store.md"
MEGABYTE = 1_000_000
LARGE_BYTES = 200 * MEGABYTE


@pytest.fixture
def own_minio(tmp_path: Path) -> Iterator[MinIO]:
    """A server that a test may stop, kill and set up as it likes."""
    with minio_peer.running(tmp_path / "minio") as server:
        yield server


def test_the_service_itself_refuses_bytes_that_are_not_those_announced(minio: MinIO) -> None:
    announced = upload("a", b"as received")
    with pytest.raises(S3Error) as refusal:
        minio.client().put_object(
            minio.new_bucket(), "a", io.BytesIO(b"as REceived"), 11, metadata=dict(put_headers(announced))
        )
    assert refusal.value.code == "XAmzContentChecksumMismatch"


def test_the_service_keeps_the_checksum_as_its_own(minio: MinIO, s3: ObjectStore) -> None:
    s3.put(upload("a", b"123456789"))  # CRC-32C has 0xE3069283 as the check value of these
    found = minio.client().stat_object(s3.bucket, "a", extra_headers={"x-amz-checksum-mode": "ENABLED"})
    assert found.metadata is not None
    assert found.metadata["x-amz-checksum-crc32c"] == found.metadata["x-amz-meta-crc32c"] == "4waSgw=="


def test_metadata_and_content_type_stand_at_the_object_as_existing_consumers_expect(
    minio: MinIO, s3: ObjectStore
) -> None:
    s3.put(upload("a", metadata={"FILESOURCE": "CT 01 ü", "WORKFLOWS": "one,two"}))
    found = minio.client().stat_object(s3.bucket, "a")
    assert found.metadata is not None
    assert found.content_type == "application/dicom"
    assert found.metadata["x-amz-meta-filesource"] == "CT 01 %C3%BC"
    assert found.metadata["x-amz-meta-workflows"] == "one,two"


def test_an_object_of_one_part_goes_with_one_put(minio: MinIO, s3: ObjectStore) -> None:
    s3.put(upload("a", bytes(PART_BYTES)))
    assert "-" not in str(minio.client().stat_object(s3.bucket, "a").etag)


def test_a_larger_object_goes_in_parts_and_is_verified(minio: MinIO, s3: ObjectStore, tmp_path: Path) -> None:
    content = bytes(range(251)) * (2 * PART_BYTES // 251 + 1)
    stored = s3.put(upload("a", content))
    assert str(minio.client().stat_object(s3.bucket, "a").etag).endswith("-3")
    assert s3.stat("a") == s3.fetch("a", tmp_path / "a") == stored
    assert (tmp_path / "a").read_bytes() == content


def test_an_object_that_was_not_stored_by_us_has_no_checksum_but_can_be_fetched(
    minio: MinIO, s3: ObjectStore, tmp_path: Path
) -> None:
    minio.client().put_object(s3.bucket, "result.dcm", io.BytesIO(b"a result"), 8, metadata={"crc32c": "not ours"})
    found = s3.stat("result.dcm")
    assert found is not None
    assert (found.bytes, found.crc32c) == (8, None)
    assert s3.fetch("result.dcm", tmp_path / "result.dcm").crc32c == crc32c(b"a result")


@pytest.mark.parametrize("size", [5 * MEGABYTE, PART_BYTES + 1])
def test_what_changes_on_the_way_is_not_stored(minio: MinIO, size: int) -> None:
    def flip_a_bit(piece: bytes) -> bytes:
        return piece.replace(bytes(1000), bytes(999) + b"\1", 1)

    with proxy(minio.endpoint, flip_a_bit) as endpoint:
        store = S3ObjectStore(settings_for(minio, endpoint=endpoint))
        with pytest.raises(CorruptedInTransit, match="received other bytes than were sent"):
            store.put(upload("a", bytes(size)))
        assert store.stat("a") is None


def test_an_object_that_changed_in_the_store_is_not_fetched(minio: MinIO, s3: ObjectStore, tmp_path: Path) -> None:
    said: dict[str, str | list[str] | tuple[str]] = dict(put_headers(upload("a", b"as stored")))
    del said["x-amz-checksum-crc32c"]
    minio.client().put_object(s3.bucket, "a", io.BytesIO(b"as STored"), 9, metadata=said)
    with pytest.raises(CorruptedInTransit, match="checksum"):
        s3.fetch("a", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_slow_link_is_not_a_dead_one(minio: MinIO) -> None:
    def slowly(piece: bytes) -> bytes:
        time.sleep(len(piece) / (20 * MEGABYTE))  # the link's speed
        return piece

    with proxy(minio.endpoint, slowly) as endpoint:
        store = S3ObjectStore(settings_for(minio, endpoint=endpoint), http_pool(1, None, connect_seconds=0.2))
        store.put(upload("a", bytes(16 * MEGABYTE)))


@pytest.mark.parametrize("size", [20 * MEGABYTE, 3 * PART_BYTES])
def test_a_service_killed_in_mid_put_is_unavailable_and_the_put_can_be_repeated(own_minio: MinIO, size: int) -> None:
    seen_bytes = 0

    def kill_half_way(piece: bytes) -> bytes:
        nonlocal seen_bytes
        seen_bytes += len(piece)
        if seen_bytes > size // 2:
            own_minio.server.kill()
        return piece

    settings = settings_for(own_minio)
    store = S3ObjectStore(settings)
    with proxy(own_minio.endpoint, kill_half_way) as endpoint, pytest.raises(StoreUnavailable, match="does not answer"):
        S3ObjectStore(settings.model_copy(update={"endpoint": endpoint})).put(zeros(size))
    own_minio.server.start()
    assert store.stat("zeros") is None
    assert store.put(zeros(size)) == store.stat("zeros")


def test_a_stopped_service_is_unavailable_until_it_is_back(own_minio: MinIO) -> None:
    store = open_object_store(Settings(object_store=settings_for(own_minio)))
    own_minio.server.stop()
    with pytest.raises(StoreUnavailable, match=f"{own_minio.endpoint} does not answer: connection refused"):
        store.check()
    own_minio.server.start()
    store.check()


def test_a_name_that_does_not_resolve_is_unavailable(minio: MinIO) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere:9000 does not answer: its name can't be resolved"):
        S3ObjectStore(settings_for(minio, endpoint="nowhere:9000")).check()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"secret_key": SecretStr("not the secret")}, "refuses the access key .SignatureDoesNotMatch"),
        ({"access_key": "nobody"}, "refuses the access key .InvalidAccessKeyId"),
        ({"bucket": "no-such-bucket"}, "there is no bucket no-such-bucket at the object store at 127"),
    ],
)
def test_wrong_settings_are_refused_and_say_which(minio: MinIO, wrong: dict[str, object], told: str) -> None:
    store = S3ObjectStore(settings_for(minio, **wrong))
    for attempt in (store.check, lambda: store.put(upload("a")), lambda: store.stat("a"), lambda: list(store.list(""))):
        with pytest.raises(StoreRefused, match=told) as refusal:
            attempt()
        assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "wrong", [{"bucket": "a..b"}, {"endpoint": "minio:99999"}, {"secure": True, "ca_file": Path("/nowhere.pem")}]
)
def test_settings_that_no_service_could_have_are_refused_at_once(minio: MinIO, wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        S3ObjectStore(settings_for(minio, **wrong))


def test_a_key_that_may_do_too_little_is_refused(minio: MinIO) -> None:
    store = S3ObjectStore(settings_for(minio, **_key_that_may(minio, [])))
    with pytest.raises(StoreRefused, match=r"refuses what is asked of the bucket \S+ \(AccessDenied\)"):
        store.put(upload("a"))


def test_the_documented_permissions_are_enough(minio: MinIO, tmp_path: Path) -> None:
    settings = settings_for(minio)
    documented = re.search(r"```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert documented is not None
    statements = json.loads(documented[1].replace("monaideploy", settings.bucket))["Statement"]
    store = S3ObjectStore(settings.model_copy(update=_key_that_may(minio, statements)))
    large = upload("p/a", bytes(PART_BYTES + 1))
    store.check()
    assert store.stat("p/a") is None
    assert store.put(large) == store.stat("p/a") == store.fetch("p/a", tmp_path / "a")
    assert [found.key for found in store.list("p/")] == ["p/a"]
    store.remove("p/a")


def test_a_full_bucket_is_unavailable_until_there_is_room(minio: MinIO) -> None:
    settings = settings_for(minio)
    _administration(minio).bucket_quota_set(settings.bucket, 100)
    with pytest.raises(StoreUnavailable, match="can't serve just now"):
        S3ObjectStore(settings).put(upload("a", bytes(1000)))
    _administration(minio).bucket_quota_clear(settings.bucket)
    S3ObjectStore(settings).put(upload("a", bytes(1000)))


def test_an_encrypted_bucket_whose_etags_are_no_digests_is_no_corruption(own_minio: MinIO, tmp_path: Path) -> None:
    own_minio.server.stop()
    key = base64.b64encode(bytes(32)).decode()
    own_minio.server.environment = {**own_minio.server.environment, "MINIO_KMS_SECRET_KEY": f"test-key:{key}"}
    own_minio.server.start()
    settings = settings_for(own_minio)
    own_minio.client().set_bucket_encryption(settings.bucket, SSEConfig(Rule.new_sse_kms_rule("test-key")))
    store = S3ObjectStore(settings)
    for size in (1000, PART_BYTES + 1):
        assert store.put(upload("a", bytes(size))) == store.fetch("a", tmp_path / "a")


def test_the_memory_for_a_large_object_is_bounded(minio: MinIO) -> None:
    settings = settings_for(minio)
    program = f"""
import io, resource
from gateway.config import S3StoreSettings
from gateway.object_store.s3 import S3ObjectStore
from tests.gateway.object_store.uploads import zeros
store = S3ObjectStore(S3StoreSettings.model_validate_json({_json(settings)!r}))
store.put(zeros(1000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.put(zeros({LARGE_BYTES}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    finished = subprocess.run([sys.executable, "-c", program], cwd=CLONE, capture_output=True, text=True, check=True)
    assert int(finished.stdout) * 1024 < 3 * PART_BYTES < LARGE_BYTES


def test_the_object_store_speaks_tls_with_whom_the_ca_file_vouches_for(own_minio: MinIO) -> None:
    settings = settings_for(own_minio, secure=True)
    certificate = self_signed(own_minio.server.home / ".minio" / "certs")
    port = int(own_minio.endpoint.rpartition(":")[2])
    own_minio.server.stop()
    own_minio.server.is_ready = lambda: listens(port)
    own_minio.server.start()
    with pytest.raises(StoreRefused, match="certificate is not trusted"):
        S3ObjectStore(settings).check()
    store = S3ObjectStore(settings.model_copy(update={"ca_file": certificate.file}))
    assert store.put(upload("a")) == store.stat("a")


def _administration(minio: MinIO) -> MinioAdmin:
    provider = StaticProvider(minio.access_key, minio.secret_key)
    return MinioAdmin(endpoint=minio.endpoint, credentials=provider, secure=False)


def _key_that_may(minio: MinIO, statements: list[dict[str, object]]) -> dict[str, object]:
    """Settings with a new key that has these permissions, and none beside them."""
    name, secret = f"user-{uuid4()}", "the key's secret"
    administration = _administration(minio)
    administration.user_add(name, secret)
    if statements:
        administration.policy_add(name, policy={"Version": "2012-10-17", "Statement": statements})
        administration.policy_set(name, user=name)
    return {"access_key": name, "secret_key": SecretStr(secret)}


def _json(settings: S3StoreSettings) -> str:
    return json.dumps(settings.model_dump(mode="json") | {"secret_key": settings.secret_key.get_secret_value()})
