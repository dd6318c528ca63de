"""Nine questions of an operator, each with one answer on four faces: a command's text and its JSON, HTTP, the page."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydicom import dcmread
from pynetdicom import AE

from tests.deployments.up.questions.everywhere import (
    destinations_everywhere,
    export_everywhere,
    foreseen_everywhere,
    foreseen_send_everywhere,
    is_said,
    part_everywhere,
    part_told,
    payload_everywhere,
)
from tests.deployments.up.questions.faces import Faces, agreed, assert_rows_told, assert_told, plain, text_rows, told
from tests.deployments.up.questions.site import Site, Study
from tests.gateway.dimse.raw_pacs import answering
from tests.gateway.exports.scene import request_body
from tests.peers.dcmtk import ApplicationEntity
from tests.site.site import ROUTING_KEY
from tests.waiting import wait_until

pytestmark = pytest.mark.peers

WORKLIST = "1.2.840.10008.5.1.4.31"


def test_did_it_arrive(faces: Faces, study: Study, payload_id: str) -> None:
    asked = ("payload", "find", "--accession", study.accession)
    (row,) = faces.mig(*asked, "--json").rows
    (shown,) = text_rows(faces.mig(*asked).output)
    assert (row["id"], row["state"], row["instances"]) == (payload_id, "announced", 3)
    assert_told(shown, row | {"study": study.uid})

    over_http = faces.http.post("/payloads/find", json={"accession_number": study.accession}).json()
    assert plain(over_http["payloads"]) == [plain(row)]
    assert over_http["total"] == 1

    (listed,) = faces.press("/ui/payloads", "/ui/payloads", accession=study.accession).rows("closed", "payload")
    assert (listed["payload"], listed["closed"], listed["state"]) == (payload_id[:8], told(row["closed"]), "announced")
    assert (listed["from"], listed["to"], listed["instances"]) == ("CT01", "MIG", "3")
    assert listed["studies"].split() == [study.uid, "CT"]


def test_is_it_whole(site: Site, faces: Faces) -> None:
    study = site.study()
    first, second, _ = (dcmread(file) for file in study.files)
    scanner = AE("CT01")
    scanner.add_requested_context(first.SOPClassUID, first.file_meta.TransferSyntaxUID)
    association = scanner.associate("127.0.0.1", site.gateway.dicom_port, ae_title="MIG")
    assert [association.send_c_store(instance).Status for instance in (first, second)] == [0, 0]
    association.abort()

    row = site.payload(study, broken_off="aborted-by-peer", state="announced", run_state="Completed")
    (shown,) = text_rows(faces.mig("payload", "find", "--study", study.uid).output)
    assert (shown["instances"], shown["message"]) == ("2", "the sender broke off (aborted-by-peer)")
    (listed,) = faces.press("/ui/payloads", "/ui/payloads", study=study.uid).rows("closed", "payload")
    assert (listed["instances"], listed["what there is to say"].strip()) == ("2", "the sender broke off")

    row, on_page, page = payload_everywhere(faces, row["id"])
    (fed_by,) = row["associations"]
    assert (row["instances"], row["studies"][0]["instances"], fed_by["stored"]) == (2, 2, 2)
    assert (row["broken_off"], fed_by["outcome"]) == ("aborted-by-peer", "aborted-by-peer")
    assert "The sender broke off (aborted-by-peer): 2 instances, and perhaps not all." in page.html
    assert "have the sender send it again" in row["next_step"]
    assert row["next_step"] in page.html
    assert on_page["Holds"].startswith("2 instances, ")
    (listed,) = page.rows("ended", "how", "stored")
    assert (listed["ended"], listed["stored"]) == (f"{fed_by['ended'].astimezone():%F %T}", "2")


def test_where_is_it_now(site: Site, faces: Faces, payload_id: str) -> None:
    row, on_page, page = payload_everywhere(faces, payload_id)
    assert row["opened"] < row["closed"] < row["run_asked"] < row["uploaded"] < row["announced"]
    assert on_page["Announced"] == f"{row['announced'].astimezone():%F %T}"
    assert on_page["Closed"] == f"{row['closed'].astimezone():%F %T} (quiet)"
    assert on_page["Lies in"] == f"{row['bucket']}/{row['prefix']}"
    assert on_page["Run"] == "Completed, number 1"
    assert row["run_url"] in page.html
    assert len(site.objects(payload_id)) == row["instances"] == 3


def test_why_not(site: Site, faces: Faces) -> None:
    """Nobody listens at the broker."""
    study = site.study()
    site.is_bound(is_it=False)
    try:
        site.send(study)
        row, _, page = payload_everywhere(faces, site.payload(study, state="waiting")["id"], "waiting")
        assert "no queue is bound to the routing key md.workflow.request" in row["message"]
        assert row["next_step"].startswith("see to what it waits for")
        assert f"<strong>Next:</strong> {row['next_step']}" in page.html
        assert f"waiting: {row['message']}" in page.html

        part = agreed(lambda: part_told(faces, "event broker"), partial(part_everywhere, faces))
        assert part["detail"].startswith("it answers, but 1 waits for it, since ")
        assert "no queue is bound" in part["detail"]
        health = faces.http.get("/health").json()
        assert {"check": "Rabbit MQ Publisher", "result": "Unhealthy"} in health["checks"]
        wait_until(lambda: faces.metrics()["mig_work", "payload", "waiting"] == 1, 10, "the metrics to count it")
    finally:
        site.is_bound(is_it=True)


def test_who_was_refused(site: Site, faces: Faces) -> None:
    for caller in ("STRANGER", "STRANGER", "STRANGER", "CT02"):
        site.dcmtk.echoscu(ApplicationEntity("MIG", site.gateway.dicom_port), calling=caller)
    asked = ("association", "list", "--refused")

    def counted() -> Any:
        rows = faces.mig(*asked, "--json").rows
        return rows if sum(row["times"] for row in rows) == 4 else None

    rows = wait_until(counted, 20, "every refusal to be kept")
    assert {row["calling_ae"]: row["times"] for row in rows} == {"STRANGER": 3, "CT02": 1}
    assert "CT02 is registered for 10.1.0.17, it came from 127.0.0.1" in {row["reason"] for row in rows}
    assert_rows_told(faces.mig(*asked).output, rows)

    over_http = faces.http.get("/associations", params={"refused": "true"}).json()
    assert (plain(over_http["associations"]), over_http["total"]) == (plain(rows), 2)
    words = {"from": "calling_ae", "to": "called_ae", "address": "address", "times": "times", "why": "reason"}
    for path, last in (("/ui/associations?refused=true", "ended"), ("/", "last")):
        listed = faces.page(path).rows("from", "to", "address", "times", "why")
        names = words | {last: "ended"}
        assert [{name: row[name] for name in names} for row in listed] == [
            {name: told(row[column]) for name, column in names.items()} for row in rows
        ]


def test_what_is_queued_for_whom(site: Site, faces: Faces, payload_id: str) -> None:
    """Three exports for who is not there; one of them went to the archive as well, and waits for that no more."""
    files = site.objects(payload_id)
    asked = [
        site.ask_for_export(f"queued-{n}", files, *to) for n, to in enumerate((["vna"], ["vna"], ["vna", "archive"]))
    ]
    first, _, both = [site.export(each, "waiting") for each in asked]
    assert [(place["name"], place["missing"]) for place in both["destinations"]] == [("vna", 3), ("archive", 0)]

    rows = agreed(lambda: faces.mig("destination", "list", "--json").rows, partial(destinations_everywhere, faces))
    assert {row["name"]: row["queued"] for row in rows} == {"archive": 0, "viewer": 0, "vna": 3}
    (vna,) = [row for row in rows if row["name"] == "vna"]
    assert (vna["state"], vna["oldest"]) == ("away", plain(first["received"]))
    agreed(faces.metrics, three_for_vna)


def three_for_vna(metrics: dict[tuple[str, ...], float]) -> None:
    assert sum(count for of, count in metrics.items() if of[:2] == ("mig_exports", "vna")) == 3
    assert not [of for of in metrics if of[:2] == ("mig_exports", "archive")]
    assert max(age for of, age in metrics.items() if of[:2] == ("mig_exports_oldest_seconds", "vna")) > 0


def test_say_it_again(site: Site, faces: Faces, payload_id: str) -> None:
    """By the command, over HTTP, by the button: three times."""
    path = f"/payloads/{payload_id}"
    ways: list[Callable[[], object]] = [
        lambda: faces.mig("payload", "announce", payload_id),
        lambda: faces.http.post(f"{path}/announce"),
        lambda: faces.press(f"/ui{path}", f"/ui{path}/announce"),
    ]
    for number, ask in enumerate(ways, 1):
        ask()
        wait_until(partial(is_said, faces, payload_id, number), 20, f"it to be said again, number {number}")
    row, on_page, page = payload_everywhere(faces, payload_id)
    assert row["last_announced_again"] > row["announced"]
    assert on_page["Announced again"] == f"3 times, last {row['last_announced_again'].astimezone():%F %T}"
    assert sorted(each["by"] for each in page.rows("when", "what", "by")) == ["HTTP", "command line", "page"]
    messages = site.rabbitmq.messages(site.virtual_host, ROUTING_KEY, 100, timeout_seconds=1)
    ours = [message for message in messages if json.loads(message.body)["payload_id"] == payload_id]
    assert (len(ours), len({(each.properties.message_id, each.body) for each in ours})) == (4, 1)


def test_send_only_what_is_missing(site: Site, faces: Faces, payload_id: str) -> None:
    files = site.objects(payload_id)
    site.viewer.manners = answering(0, 0xC000)  # the second can't be understood
    export_id = site.ask_for_export("missing", files, "viewer")
    export_everywhere(site, faces, export_id, "partial", stored=[1, 0, 1], attempts=[1, 1, 1])
    site.viewer.manners = answering()
    faces.press(f"/ui/exports/{export_id}", f"/ui/exports/{export_id}/retry")
    export_everywhere(site, faces, export_id, "succeeded", stored=[1, 1, 1], attempts=[1, 2, 1])
    sent = [path.rpartition("/")[2].removesuffix(".dcm") for path in files]
    assert site.viewer.names == [*sent, sent[1]]


def test_what_would_happen_if_it_were_exported(site: Site, faces: Faces, payload_id: str) -> None:
    """An export of what is there and what is not: foreseen by the command and over HTTP, and then carried out."""
    body = request_body([*site.objects(payload_id), "p/lost.dcm"], ["archive"], "if", payload_id=None)
    file = site.gateway.directory / "request.json"
    file.write_bytes(body)
    foreseen = faces.mig("export", "submit", "--dry-run", "--json", str(file))
    assert (foreseen.exit_code, foreseen.rows["known"], foreseen.rows["is_all_sent"]) == (1, None, False)
    assert plain(faces.post("/exports?dryRun=true", body).json()) == plain(foreseen.rows)
    _, places, files, _ = faces.mig("export", "submit", "--dry-run", str(file)).output.split("\n\n")
    for table, column in ((places, "destinations"), (files, "files")):
        assert_rows_told(table, foreseen.rows[column])

    faces.post("/exports", body)
    (place,) = site.export(foreseen.rows["id"], "partial")["destinations"]
    (would_be,) = foreseen.rows["destinations"]
    assert place["stored"] == would_be["sends"] == 3
    assert [each["reason"] for each in place["files"]] == [each["reason"] for each in foreseen.rows["files"]]


def test_what_would_happen_if_it_were_sent(site: Site, faces: Faces, payload_id: str) -> None:
    """A payload, by an operator: foreseen on every face, and then sent by the button below what was foreseen."""
    foreseen = foreseen_send_everywhere(faces, payload_id, "archive")
    assert [each["path"] for each in foreseen["files"]] == site.objects(payload_id)
    path = f"/ui/payloads/{payload_id}/send"
    faces.press(f"{path}?destination=archive", path, destination="archive")

    def sent() -> Any:
        exports = faces.mig("export", "list", "--payload", payload_id, "--json").rows
        return [each["id"] for each in exports if each["origin"] == "operator"]

    (export_id,) = wait_until(sent, 30, "the export to be recorded")
    (place,) = site.export(export_id, "succeeded")["destinations"]
    assert place["stored"] == foreseen["destinations"][0]["sends"] == 3
    assert [each["path"] for each in place["files"]] == [each["path"] for each in foreseen["files"]]


def test_what_would_happen_if_somebody_called(faces: Faces) -> None:
    who = {"calling": "CT02", "called": "MIG", "address": "127.0.0.1"}
    rejected = foreseen_everywhere(faces, who)["association"]
    assert rejected["reason"] == "CT02 is registered for 10.1.0.17, it came from 127.0.0.1"

    nowhere = who | {"address": "nowhere"}
    assert faces.http.get("/explain", params=nowhere).status_code == 422
    assert "nowhere is no IP address" in faces.http.get("/ui/explain", params=nowhere).text

    foreseen = foreseen_everywhere(faces, who | {"address": "10.1.0.17"}, "CTImageStorage", WORKLIST)
    assert foreseen["association"]["is_accepted"]
    assert {(each["name"], each["result"]) for each in foreseen["contexts"]} == {
        ("CT Image Storage", "accepted"),
        ("Modality Worklist Information Model - FIND", "abstract-syntax-not-supported"),
    }
