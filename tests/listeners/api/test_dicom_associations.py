"""`GET /dicom-associations`: what a client of MIG finds, in the fields of MIG."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from gateway.associations.store import AssociationStore
from gateway.clock import time_of
from gateway.config import Settings
from gateway.node_context import NodeContext
from listeners.api.app import create_app
from listeners.api.routes.dicom_associations import dicom_associations_routes
from tests.databases import empty_database
from tests.gateway.associations.records import BEGAN_NS, SECOND_NS, still_open, stored
from tests.listeners.api.serving import serving

RECORDS = [stored(number) for number in range(25)]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    settings = Settings(data_dir=tmp_path / "var")
    empty_database(settings.paths.database)
    with closing(NodeContext(settings)) as node:
        AssociationStore(node.database).take_in([*RECORDS, still_open(12)], node.node_id)
        with serving(create_app(settings.api, [dicom_associations_routes(node)])) as client:
            yield client


def moment(after_seconds: float) -> str:
    return time_of(BEGAN_NS + int(after_seconds * SECOND_NS)).isoformat()


def test_an_association_is_told_in_the_fields_of_mig(api: httpx.Client) -> None:
    page = api.get("/dicom-associations", params={"startTime": moment(3), "endTime": moment(3)}).json()
    record = RECORDS[3]
    (told,) = page.pop("data")
    assert told == {
        "id": str(record.association_id),
        "dateTimeCreated": "2026-03-01T13:00:00Z",
        "dateTimeDisconnected": "2026-03-01T13:00:03Z",
        "correlationId": str(record.association_id),
        "fileCount": 3,
        "callingAeTitle": "CT01",
        "calledAeTitle": "MIG",
        "remoteHost": "10.1.0.17",
        "remotePort": 50_123,
        "errors": "",
        "duration": "00:00:03",
        "payloadIds": [str(each) for each in record.payload_ids],
    }
    assert (page["totalPages"], page["totalRecords"]) == (1, 1)
    assert (page["succeeded"], page["errors"], page["message"]) == (True, None, None)


def test_pages_lead_to_each_other_the_newest_first(api: httpx.Client) -> None:
    found, path = list[str](), "/dicom-associations?pageSize=100"
    while path:
        page = api.get(path).json()
        assert (page["pageSize"], page["totalPages"], page["totalRecords"]) == (10, 3, 25)
        found += [each["id"] for each in page["data"]]
        path = page["nextPage"]
    assert found == [str(record.association_id) for record in reversed(RECORDS)]
    assert page["pageNumber"] == 3
    assert [each["id"] for each in api.get(page["previousPage"]).json()["data"]] == found[10:20]
    assert [each["id"] for each in api.get(page["firstPage"]).json()["data"]] == found[:10]
    assert api.get(page["lastPage"]).json() == page


def test_the_way_to_other_pages_keeps_what_was_asked_for(api: httpx.Client) -> None:
    page = api.get("/dicom-associations", params={"startTime": moment(5), "endTime": moment(16)}).json()
    assert page["totalRecords"] == 12
    assert len(api.get(page["nextPage"]).json()["data"]) == 2


def test_what_can_not_be_understood_is_refused(api: httpx.Client) -> None:
    for parameters in ({"startTime": "yesterday"}, {"pageNumber": "0"}):
        assert api.get("/dicom-associations", params=parameters).status_code == 400
