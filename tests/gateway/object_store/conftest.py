"""The two object stores, each with a bucket of its own."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.config import LocalStoreSettings, S3StoreSettings, Settings
from gateway.object_store import ObjectStore, open_object_store
from tests.peers.minio import MinIO


def settings_for(minio: MinIO, **changes: object) -> S3StoreSettings:
    """Settings for a new bucket, some of them changed."""
    settings = S3StoreSettings(
        endpoint=minio.endpoint,
        access_key=minio.access_key,
        secret_key=SecretStr(minio.secret_key),
        secure=False,
    )
    return settings.model_copy(update={"bucket": minio.new_bucket()} | changes)


@pytest.fixture
def s3(minio: MinIO) -> ObjectStore:
    return open_object_store(Settings(object_store=settings_for(minio)))


@pytest.fixture
def local(tmp_path: Path) -> ObjectStore:
    return open_object_store(Settings(object_store=LocalStoreSettings(path=tmp_path / "objects")))


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.peers)])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each of the two."""
    found: ObjectStore = request.getfixturevalue(request.param)
    return found
