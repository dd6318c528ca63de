"""The OpenAPI document, tried out by schemathesis: whatever it makes up is answered as the document says.

Two checks of its are set otherwise. Not all that fits the schema is taken: rules are beyond it (422), and a transaction
is taken once (409). And what does not fit may be taken: MIG reads names in any letter case and numbers in strings.
Of health 503 is an answer: this API is alone.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.listeners.api.service import Api

pytestmark = pytest.mark.slow

CONFIGURATION = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 422]
negative_data_rejection.enabled = false

[[operations]]
include-path-regex = "^/health"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", 503]
checks.positive_data_acceptance.expected-statuses = ["2xx", 503]
"""


def test_schemathesis_finds_nothing(api: Api, tmp_path: Path, at_length: bool) -> None:
    examples = "100" if at_length else "8"
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    command: list[str | Path] = [Path(sys.executable).with_name("schemathesis"), "--config-file"]
    command += [tmp_path / "schemathesis.toml", "run"]
    finished = subprocess.run(
        [*command, f"{api.url}/openapi.json", "--max-examples", examples, "--seed", "1", "--no-color"],
        cwd=tmp_path,
        env=os.environ | {"NO_PROXY": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    assert "a request could not be served" not in api.log
    assert "Traceback" not in api.log
