"""What a payload is found by is made as its instances come in, survives the process, and shows nothing."""

from pathlib import Path

import pytest

from gateway.lookup.digests import Identifiers, have_one_of_each
from gateway.payloads.payload import Payload
from gateway.spool.open_groups import open_groups
from tests.gateway.lookup.keys import lookup_key
from tests.gateway.receiving.scene import Scene

KEY = lookup_key()
ASKED = Identifiers("ACC-7731", "PAT-5512", "HOSPITAL-9")


@pytest.fixture
def spool(tmp_path: Path) -> Scene:
    return Scene(tmp_path, lookup_key=KEY)


def is_found(payload: Payload, identifiers: Identifiers) -> bool:
    assert payload.lookups
    assert payload.lookups.key == KEY.fingerprint
    return have_one_of_each(payload.lookups.digests, KEY.asked(identifiers))


def send_all(spool: Scene) -> None:
    sender = spool.associate()
    sender.send(sop="1.2.3", patient="PAT-5512", accession="ACC-7731", issuer="HOSPITAL-9")
    sender.send(sop="1.2.4", patient="PAT-5512", accession="ACC-7732")
    sender.end()


def test_a_payload_is_found_by_what_any_of_its_instances_has(spool: Scene) -> None:
    send_all(spool)
    (payload,) = spool.pass_time(5)
    assert is_found(payload, ASKED)
    assert is_found(payload, Identifiers("ACC-7732"))
    assert not is_found(payload, Identifiers("ACC-7733"))
    assert spool.area.read(payload.payload_id).lookups == payload.lookups


def test_it_is_still_found_after_a_crash_before_it_was_closed(spool: Scene) -> None:
    send_all(spool)
    spool.restart()
    (payload,) = spool.pass_time(5)
    assert is_found(payload, ASKED)
    assert is_found(payload, Identifiers("ACC-7732"))


def test_it_is_found_while_it_is_open(spool: Scene) -> None:
    send_all(spool)
    (group,) = open_groups(spool.area, lookup_key=KEY)
    assert have_one_of_each(group.lookups, KEY.asked(ASKED))
    assert have_one_of_each(group.lookups, KEY.asked(Identifiers("ACC-7732")))
    assert open_groups(spool.area)[0].lookups == set()


def test_nothing_but_the_instances_has_what_it_is_found_by(spool: Scene) -> None:
    send_all(spool)
    spool.pass_time(5)
    others = [path for path in spool.root.rglob("*") if path.is_file() and path.suffix != ".dcm"]
    assert any(path.parent.name == "ready" for path in others)
    for value in (b"ACC-773", b"PAT-55", b"HOSPITAL"):
        assert not [path for path in others if value in path.read_bytes()]


def test_without_a_key_nothing_is_kept(tmp_path: Path) -> None:
    spool = Scene(tmp_path)
    send_all(spool)
    (payload,) = spool.pass_time(5)
    assert payload.lookups is None


def test_an_accession_number_longer_than_any_is_refused_to_nobody(spool: Scene) -> None:
    spool.associate().send(accession="A" * 5000, patient="PAT-5512")
    (payload,) = spool.pass_time(60)
    assert is_found(payload, Identifiers(patient_id="PAT-5512"))
