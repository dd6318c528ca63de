"""What a newer program has left on the spool is named and left to it; everything else goes on."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from gateway.errors import Damaged, FromNewerProgram
from gateway.payloads.payload import PAYLOAD_VERSION
from gateway.spool.listing import list_spool
from gateway.spool.node import read_node
from tests.gateway.receiving.scene import Scene


@pytest.fixture
def spool(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def closed(spool: Scene, study: str) -> UUID:
    sender = spool.associate()
    sender.send(study=study, sop=f"{study}.1")
    sender.end()
    (payload,) = spool.pass_time(5)
    return payload.payload_id


def rewrite_as_newer(manifest: Path) -> None:
    """As a program might write it whose manifests name files in another way."""
    content = json.loads(manifest.read_bytes())
    newer = {"objects": content.pop("instances"), **content, "version": PAYLOAD_VERSION + 1}
    manifest.write_text(json.dumps(newer))


def files_of(spool: Scene) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in spool.root.rglob("*") if path.is_file() and "lock" not in path.name
    }


@pytest.mark.parametrize("state", ["ready", "done"])
def test_a_start_leaves_a_later_manifest_and_its_files_as_they_are(spool: Scene, state: str) -> None:
    newer, ours = closed(spool, "1.1"), closed(spool, "1.2")
    if state == "done":
        spool.area.finish(newer)
    rewrite_as_newer(spool.area.root / state / f"{newer}.json")
    spool.crash()
    before = files_of(spool)
    found = spool.start()
    assert (found.newer, found.left_alone, found.damaged, found.reopened) == ({newer}, 1, 0, [])
    assert files_of(spool) == before
    assert spool.area.read(ours).payload_id == ours
    assert closed(spool, "1.3")


def test_a_later_manifest_is_named_with_both_versions(spool: Scene) -> None:
    payload_id = closed(spool, "1.1")
    rewrite_as_newer(spool.area.ready / f"{payload_id}.json")
    with pytest.raises(FromNewerProgram, match=f"the manifest of payload {payload_id} has version 3.*knows version 2"):
        spool.area.read(payload_id)


def test_it_is_listed_apart_and_not_as_open(spool: Scene) -> None:
    payload_id = closed(spool, "1.1")
    rewrite_as_newer(spool.area.ready / f"{payload_id}.json")
    assert [(found.id, found.state) for found in list_spool(spool.area)] == [(str(payload_id), "newer")]


def test_a_file_with_a_later_preamble_is_neither_deleted_nor_damaged(spool: Scene) -> None:
    instance = spool.associate().send()
    file = spool.area.root / instance.file
    file.write_bytes(b"MIGSPL02" + file.read_bytes()[8:])
    found = spool.restart()
    assert (found.left_alone, found.damaged) == (1, 0)
    assert file.read_bytes().startswith(b"MIGSPL02")
    assert list(spool.area.damaged.iterdir()) == []


def test_a_preamble_that_only_begins_like_ours_is_damaged(spool: Scene) -> None:
    file = spool.area.root / spool.associate().send().file
    file.write_bytes(b"MIGSPLxx" + file.read_bytes()[8:])
    found = spool.restart()
    assert (found.left_alone, found.damaged) == (0, 1)


def test_a_node_of_a_later_version_is_refused_by_name(tmp_path: Path) -> None:
    node = read_node(tmp_path)
    file = tmp_path / "node.json"
    written = json.loads(file.read_bytes())
    assert written["version"] == 2
    file.write_text(json.dumps(written | {"version": 3}))
    with pytest.raises(FromNewerProgram, match=r"node\.json has version 3, and this program"):
        read_node(tmp_path)
    del written["version"]  # as 0.1 wrote it
    file.write_text(json.dumps(written))
    assert read_node(tmp_path) == node


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"node_id": "1"}', "\0\0\0"])
def test_a_node_that_can_not_be_read_gets_no_new_identity(tmp_path: Path, content: str) -> None:
    (tmp_path / "node.json").write_text(content)
    with pytest.raises(Damaged, match=r"node\.json can't be read"):
        read_node(tmp_path)
    assert (tmp_path / "node.json").read_text() == content
