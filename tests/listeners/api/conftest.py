"""One API for the tests that only ask it."""

from collections.abc import Iterator

import pytest

from tests.listeners.api.service import Api, running_api


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("api")) as api:
        yield api
