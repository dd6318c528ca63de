"""One thing as it is told on every face: each of these fails where they do not say the same."""

from typing import Any
from urllib.parse import urlencode

from tests.deployments.up.questions.faces import (
    Faces,
    Page,
    Row,
    agreed,
    assert_rows_told,
    assert_told,
    plain,
    text_fields,
    text_rows,
    told,
)
from tests.deployments.up.questions.site import Site


def payload_everywhere(faces: Faces, payload_id: str, state: str = "announced") -> tuple[dict[str, Any], Row, Page]:
    """What JSON and the page tell of a payload; text and HTTP tell the same as JSON, or the test fails."""
    path = f"/payloads/{payload_id}"

    def look(row: dict[str, Any]) -> tuple[dict[str, Any], Row, Page]:
        assert row["state"] == state
        assert plain(faces.http.get(path).json()) == row
        text = faces.mig("payload", "show", payload_id).output
        assert_told(text_fields(text), row)
        for table in text.split("\n\n")[1:]:
            name, _, rows = table.partition("\n")
            assert_rows_told(rows, row[name])
        page = faces.page(f"/ui{path}")
        assert f'<p class="state {row["state"]}">{row["state"]}' in page.html
        assert page.fields["Payload"] == payload_id
        return row, page.fields, page

    return agreed(lambda: faces.mig("payload", "show", payload_id, "--json").rows, look)


def part_told(faces: Faces, name: str) -> dict[str, Any]:
    """What `mig status --json` tells of a part."""
    (row,) = [row for row in faces.mig("status", "--json").rows if row.get("part") == name]
    return dict(row)


def part_everywhere(faces: Faces, row: dict[str, Any]) -> dict[str, Any]:
    """A part that is down, as all tell it."""
    assert row["state"] == "down"
    assert row in text_rows(faces.mig("status").output.split("\n\n")[0])
    assert {"part": row["part"], "up": False, "detail": row["detail"]} in faces.http.get("/status").json()["parts"]
    on_page = {"part": row["part"], "state": "down", "what there is to say": row["detail"]}
    assert on_page in faces.page("/").rows("part", "what there is to say")
    return row


def destinations_everywhere(faces: Faces, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The destinations, and what is queued for each, as all tell it."""
    assert plain(faces.http.get("/destinations").json()) == rows
    assert_rows_told(faces.mig("destination", "list").output, rows)
    names = {"name": "name", "state": "state", "queued": "queued", "the oldest": "oldest", "failed": "failed"}
    names |= {"why": "reason", "last took something": "answered"}
    words = [{name: told(row[column]) for name, column in names.items()} for row in rows]
    for path in ("/ui/destinations", "/"):
        assert [{name: row[name] for name in names} for row in faces.page(path).rows(*names)] == words
    status = [row for row in faces.mig("status", "--json").rows if "destination" in row]
    assert plain(status) == [row | {"destination": row["name"]} for row in rows]
    assert_rows_told(faces.mig("status").output.split("\n\n")[2], status)
    assert plain(faces.http.get("/status").json())["destinations"] == rows
    return rows


def is_said(faces: Faces, payload_id: str, times: int) -> bool:
    """Whether it was announced again so often, and the broker has had it: asked in this order, for it is counted when
    it is left in the outbox.
    """
    again = faces.mig("payload", "show", payload_id, "--json").rows["announced_again"]
    (unpublished,) = [
        row["count"] for row in faces.mig("status", "--json").rows if row.get("queue") == "events to publish"
    ]
    return bool(again == times and unpublished == 0)


def export_everywhere(
    site: Site, faces: Faces, export_id: str, state: str, *, stored: list[int], attempts: list[int]
) -> None:
    """An export to the viewer, file by file, as all tell it once it is in a state."""
    row = site.export(export_id, state)
    (place,) = row["destinations"]
    assert [file["state"] == "stored" for file in place["files"]] == stored
    assert [file["attempts"] for file in place["files"]] == attempts
    assert (row["stored"], row["missing"]) == (sum(stored), 3 - sum(stored))
    assert plain(faces.http.get(f"/exports/{export_id}").json()) == plain(row)
    text = faces.mig("export", "show", export_id).output
    assert_told(text_fields(text), row | {"destinations": "viewer"})
    codes = ["" if file["code"] is None else f"{file['code']:04X}" for file in place["files"]]
    files = [file | {"destination": "viewer", "code": code} for file, code in zip(place["files"], codes, strict=True)]
    assert_rows_told(text.split("\n\n")[1], files)
    page = faces.page(f"/ui/exports/{export_id}")
    assert f"viewer: {sum(stored)} of 3" in page.html
    names = {"file": "path", "state": "state", "tries": "attempts", "last tried": "last_tried", "why": "reason"}
    _assert_listed(page, files, names | {"status": "code"})


def foreseen_send_everywhere(faces: Faces, payload_id: str, destination: str) -> dict[str, Any]:
    """What would be sent of a payload, as all tell it."""
    asked = ("payload", "send", payload_id, "--to", destination, "--dry-run")

    def look(foreseen: dict[str, Any]) -> dict[str, Any]:
        over_http = faces.http.post(f"/payloads/{payload_id}/send?dryRun=true", json={"destinations": [destination]})
        assert plain(over_http.json()) == foreseen
        _, places, files = faces.mig(*asked).output.split("\n\n")
        assert_rows_told(places, foreseen["destinations"])
        assert_rows_told(files, foreseen["files"])
        page = faces.page(f"/ui/payloads/{payload_id}/send?destination={destination}")
        names = {"name": "name", "kind": "kind", "address": "address", "state": "state", "since": "since"}
        _assert_listed(page, foreseen["destinations"], names | {"would be sent": "sends", "why": "reason"})
        _assert_listed(page, foreseen["files"], {"object key": "path", "bytes": "bytes", "why not": "reason"})
        return foreseen

    return agreed(lambda: dict(faces.mig(*asked, "--json").rows), look)


def _assert_listed(page: Page, rows: list[dict[str, Any]], names: dict[str, str]) -> None:
    words = [{name: told(each[column]) for name, column in names.items()} for each in rows]
    assert [{name: row[name] for name in names} for row in page.rows(*names)] == words


def foreseen_everywhere(faces: Faces, who: dict[str, str], *sop_classes: str) -> dict[str, Any]:
    """What would happen to who calls so, as all tell it."""
    options = [part for name, value in who.items() for part in (f"--{name}", value)]
    options += [part for each in sop_classes for part in ("--sop-class", each)]
    foreseen = dict(faces.mig("explain", *options, "--json").rows)
    assert faces.http.get("/explain", params=who | {"sop_class": sop_classes}).json() == foreseen
    association, *tables = faces.mig("explain", *options).output.split("\n\n")
    page = faces.page(f"/ui/explain?{urlencode(who | {'sop_classes': ' '.join(sop_classes)})}")
    rejected = f"rejected {foreseen['association']['codes']}: {foreseen['association']['reason']}"
    said = "accepted" if foreseen["association"]["is_accepted"] else rejected
    assert association.strip() == f"association  {said}"
    assert f">{said}</p>" in page.html
    assert foreseen["contexts_reason"] in page.html
    for contexts in tables:
        assert_rows_told(contexts.removesuffix(f"{foreseen['contexts_reason']}\n"), foreseen["contexts"])
        names = {"result": "result", "name": "name", "abstract syntax": "abstract_syntax"}
        names |= {"transfer syntax": "transfer_syntax"}
        _assert_listed(page, foreseen["contexts"], names)
    return foreseen
