"""What the fork server does once, so that no child does it for its run."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import certifi
import pytest

from tests.deployments.operator import Operator
from tests.deployments.roles import WorkerProcess

_MISSING = "/no/such/file.pem"

# Imported with what the environment says, and its sharing done again for each other API.
_SCRIPT = f"""
import ssl
create = ssl.create_default_context
import deployments.worker.preload as preload, tests.deployments.example_flows
import sys
modules = list(sys.modules)
import certifi, json
from prefect.settings import (
    PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
)

def shared():
    contexts = [ssl.create_default_context(cafile=certifi.where()) for _ in range(2)]
    plain = ssl.create_default_context()
    return {{
        "is_shared": contexts[0] is contexts[1],
        "others_have_their_own": plain not in contexts and plain.verify_mode is ssl.CERT_REQUIRED,
    }}

def shared_for(scheme, file):
    ssl.create_default_context = create
    with temporary_settings({{PREFECT_API_URL: f"{{scheme}}://prefect.hospital/api", PREFECT_API_SSL_CERT_FILE: file}}):
        preload.share_authorities()
    return shared()

told = {{
    "modules": modules,
    "heartbeat": PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value(),
    "at_import": shared(),
    "https": shared_for("https", certifi.where()),
    "http": shared_for("http", certifi.where()),
    "missing": shared_for("http", {_MISSING!r}),
}}
print(json.dumps(told))
"""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How the clients that name the authorities' file came by their TLS contexts, and how others did."""

    is_shared: bool
    others_have_their_own: bool


@dataclass(frozen=True, slots=True)
class ForkServer:
    """What an interpreter that has preloaded says of itself: one for all tests, since it takes seconds."""

    modules: frozenset[str]
    heartbeat: int | None
    sharing: dict[str, Sharing]


@pytest.fixture(scope="module")
def fork_server() -> ForkServer:
    environment = {
        "PREFECT_API_URL": "http://prefect.hospital/api",
        "PREFECT_API_SSL_CERT_FILE": certifi.where(),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    }
    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=os.environ | environment, check=True, capture_output=True, timeout=60
    )
    told = json.loads(ended.stdout)
    return ForkServer(
        frozenset(told.pop("modules")),
        told.pop("heartbeat"),
        {case: Sharing(**answer) for case, answer in told.items()},
    )


@pytest.mark.slow
@pytest.mark.parametrize(("case", "is_shared"), [("at_import", True), ("http", True), ("https", False)])
def test_clients_share_the_authorities_that_a_plain_api_never_asks(
    fork_server: ForkServer, case: str, is_shared: bool
) -> None:
    """And whoever means other authorities, as for the object store or the broker, has a context of its own."""
    assert fork_server.sharing[case] == Sharing(is_shared, others_have_their_own=True)


def test_an_authority_file_that_is_missing_is_left_to_prefect_to_tell(fork_server: ForkServer) -> None:
    assert fork_server.sharing["missing"] == Sharing(is_shared=False, others_have_their_own=True)


def test_no_heartbeat_of_a_flow_holds_up_the_end_of_its_run(fork_server: ForkServer) -> None:
    assert fork_server.heartbeat is None


def test_the_adapters_that_a_run_opens_are_there(fork_server: ForkServer) -> None:
    assert {"gateway.events.prefect", "gateway.events.rabbitmq", "gateway.object_store.s3"} <= fork_server.modules


def test_a_run_imports_nothing_of_prefect_that_was_not_there(
    fork_server: ForkServer, worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    """What a child would have to import is a matter of Prefect's version: a new one may want more in `preload`."""
    written = tmp_path / "modules"
    operator.wait_for(
        operator.trigger("example-listing-modules/listing_modules", {"written": str(written)}), "Completed"
    )
    late = set(written.read_text().split()) - fork_server.modules
    assert {module for module in late if module.partition(".")[0] in {"anyio", "graphviz", "httpx", "prefect"}} == set()
