"""What the fork server does once, so that no child does it for its run."""

import os
import subprocess
import sys
from pathlib import Path

import certifi
import pytest

from tests.deployments.operator import Operator
from tests.deployments.roles import WorkerProcess

_SHARED = """
import certifi, ssl
import deployments.worker.preload
contexts = [ssl.create_default_context(cafile=certifi.where()) for _ in range(2)]
plain = ssl.create_default_context()
print(contexts[0] is contexts[1], plain in contexts, plain.verify_mode is ssl.CERT_REQUIRED)
"""


def run(script: str, **environment: str) -> str:
    """What a new interpreter prints."""
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, env=os.environ | environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


@pytest.mark.parametrize(("scheme", "is_shared"), [("http", "True"), ("https", "False")])
def test_clients_share_the_authorities_that_a_plain_api_never_asks(scheme: str, is_shared: str) -> None:
    """And whoever means other authorities, as for the object store or the broker, has a context of its own."""
    api_url = f"{scheme}://prefect.hospital/api"
    assert run(_SHARED, PREFECT_API_URL=api_url, PREFECT_API_SSL_CERT_FILE=certifi.where()) == f"{is_shared} False True"


def test_an_authority_file_that_is_missing_is_left_to_prefect_to_tell() -> None:
    script = "import deployments.worker.preload"
    run(script, PREFECT_API_URL="http://prefect.hospital/api", PREFECT_API_SSL_CERT_FILE="/no/such/file.pem")


def test_no_heartbeat_of_a_flow_holds_up_the_end_of_its_run() -> None:
    script = """
import deployments.worker.preload
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY
print(PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value())
"""
    assert run(script, PREFECT_FLOWS_HEARTBEAT_FREQUENCY="30") == "None"


def test_a_run_imports_nothing_of_prefect_that_was_not_there(
    worker: WorkerProcess, operator: Operator, tmp_path: Path
) -> None:
    """What a child would have to import is a matter of Prefect's version: a new one may want more in `preload`."""
    written = tmp_path / "modules"
    operator.wait_for(
        operator.trigger("example-listing-modules/listing_modules", {"written": str(written)}), "Completed"
    )
    script = "import sys, deployments.worker.preload, tests.deployments.example_flows; print(*sys.modules)"
    late = set(written.read_text().split()) - set(run(script).split())
    assert {module for module in late if module.partition(".")[0] in {"anyio", "graphviz", "httpx", "prefect"}} == set()
