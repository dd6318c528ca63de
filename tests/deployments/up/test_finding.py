"""Did it arrive? Asked by Accession Number and Patient ID, which stand nowhere but in the instances."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import dcmread

from tests.deployments.commands.mig import Mig
from tests.deployments.up.gateway import Gateway
from tests.listeners.page.test_page import token_on
from tests.peers.dcmtk import Dcmtk
from tests.samples import sample
from tests.waiting import wait_until

pytestmark = pytest.mark.peers

ACCESSION, PATIENT, ISSUER = "QXACC-88417-ZV", "QXPAT-99031-ZV", "QXISS-55120-ZV"
ASKED = ("--accession", ACCESSION, "--patient", PATIENT, "--issuer", ISSUER)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("finding")).start()
    yield gateway
    gateway.server.kill()


@pytest.fixture(scope="module")
def mig(gateway: Gateway) -> Mig:
    return Mig(gateway.server.home)


@pytest.fixture(scope="module")
def api(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.http_port}") as client:
        yield client


@pytest.fixture(scope="module")
def told(gateway: Gateway, mig: Mig, dcmtk: Dcmtk) -> dict[str, Any]:
    """What `mig payload find --json` tells of a study that was sent, once it is announced and nothing of it changes."""
    dataset = dcmread(sample("CT_small.dcm"))
    dataset.AccessionNumber, dataset.PatientID, dataset.IssuerOfPatientID = ACCESSION, PATIENT, ISSUER
    file = gateway.directory.with_name("sent") / "sent.dcm"
    file.parent.mkdir()
    dataset.save_as(file)
    assert "Failed" not in dcmtk.storescu(gateway.receiver, [file], calling="CT01").output

    def announced() -> Any:
        rows = mig("payload", "find", "--state", "announced", "--json", *ASKED).rows
        return [row for row in rows if row["run_state"] == "Completed"]

    (row,) = wait_until(announced, 60, "the payload to be found as announced, and its run to have ended")
    return dict(row)


def test_every_face_says_the_same(gateway: Gateway, mig: Mig, api: httpx.Client, told: dict[str, Any]) -> None:
    line = mig("payload", "find", *ASKED).output.splitlines()[1]
    assert line.split()[:2] == [told["id"], "announced"]

    asked = {"accession_number": ACCESSION, "patient_id": PATIENT, "issuer_of_patient_id": ISSUER}
    (over_http,) = api.post("/payloads/find", json=asked).json()["payloads"]
    assert over_http.keys() == told.keys()
    assert {name for name in told if over_http[name] != told[name] and not str(told[name]).endswith("+00:00")} == set()

    form = {"token": token_on(api.get("/ui/payloads").text), "accession": ACCESSION, "patient": PATIENT}
    page = api.post("/ui/payloads", data=form).text
    cells = ("announced", "CT01", "MIG", told["studies"][0]["study_instance_uid"])
    assert list(cells) == re.findall(r'data-head="(?:state|from|to|studies)">([\w.]+)', page)
    assert f"/ui/payloads/{told['id']}" in page


def test_its_own_page_says_the_same_with_where_it_came_from_and_when_it_was_stored(
    mig: Mig, api: httpx.Client, told: dict[str, Any]
) -> None:
    def shown() -> Any:
        row = mig("payload", "show", told["id"], "--json").rows
        return row if row["associations"] else None  # the dispatcher takes them in a moment later

    row = wait_until(shown, 20, "the association to be kept")
    over_http = api.get(f"/payloads/{told['id']}").json()
    assert over_http.keys() == row.keys() > told.keys()
    (association,) = row["associations"]
    assert (association["calling_ae"], association["address"]) == ("CT01", "127.0.0.1")
    assert [each["id"] for each in over_http["associations"]] == [association["id"]]
    assert row["closed"] < row["uploaded"] < row["announced"]
    assert over_http["run_url"] == row["run_url"]
    page = api.get(f"/ui/payloads/{told['id']}").text
    assert row["run_url"] in page
    assert "until it was stored" in page
    assert mig("payload", "find", "--source", "127.0.0.1", "--json", *ASKED).rows[0]["id"] == told["id"]


@pytest.mark.parametrize("other", [("--accession", "QXACC-88417"), ("--patient", PATIENT.lower())])
def test_what_did_not_arrive_is_not_found(mig: Mig, told: dict[str, Any], other: tuple[str, str]) -> None:
    finished = mig("payload", "find", "--json", *other)
    assert (finished.rows, finished.errors) == ([], "none\n")


def test_what_it_is_found_by_stands_nowhere_but_in_the_instances(gateway: Gateway, told: dict[str, Any]) -> None:
    """Databases of gateway and Prefect with their write-ahead logs, manifests, journals, logs."""
    files = [
        path for path in gateway.directory.rglob("*") if path.is_file() and not path.is_relative_to(objects(gateway))
    ]
    assert {"gateway.db", "gateway.db-wal", "prefect.db", "closed-keys", gateway.server.log.name} <= {
        f.name for f in files
    }
    for value in (ACCESSION, PATIENT, ISSUER):
        assert not [path for path in files if value.encode() in path.read_bytes()]
    assert PATIENT.encode() in b"".join(path.read_bytes() for path in objects(gateway).rglob("*.dcm"))


def objects(gateway: Gateway) -> Path:
    return gateway.data_dir / "objects"
