"""Is a destination there, and would it have us?"""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.dimse.echo import echo
from gateway.dimse.peer import Peer
from gateway.errors import PeerRefused, PeerUnavailable
from tests.gateway.dimse.raw_pacs import Manners, answering, raw_pacs
from tests.gateway.dimse.sending import HASTY
from tests.peers.dcmtk import Dcmtk
from tests.peers.orthanc import Orthanc


def test_an_archive_that_answers_is_well(dcmtk: Dcmtk, orthanc: Orthanc, tmp_path: Path) -> None:
    with dcmtk.storescp(tmp_path) as pacs:
        echo(Peer("127.0.0.1", pacs.called.port, "STORESCP", "MIG"), HASTY)
    echo(Peer("127.0.0.1", orthanc.port, orthanc.ae_title, "MIG"), HASTY)


def test_a_wrong_ae_title_is_told(dcmtk: Dcmtk, tmp_path: Path) -> None:
    with dcmtk.dcmqrscp(tmp_path) as pacs:
        peer = Peer("127.0.0.1", pacs.called.port, pacs.called.ae_title, "MIG")
        echo(peer, HASTY)
        with pytest.raises(PeerRefused, match=r"called AE title not recognized \(1/1/7\)"):
            echo(replace(peer, called_ae="NOBODY"), HASTY)


def test_an_archive_that_takes_no_verification_is_told() -> None:
    with raw_pacs(Manners(accepts=lambda *_: 3)) as pacs, pytest.raises(PeerRefused, match="no verification"):
        echo(pacs.peer, HASTY)


def test_a_status_other_than_success_is_told() -> None:
    with raw_pacs(answering(0x0122)) as pacs, pytest.raises(PeerRefused, match="with status 0122"):
        echo(pacs.peer, HASTY)


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_said() -> None:
    silent = Manners(answer=lambda association, number: association.say_nothing())
    with raw_pacs(silent) as pacs, pytest.raises(PeerUnavailable, match="sent nothing in time"):
        echo(pacs.peer, replace(HASTY, answer_seconds=0.2))


def test_a_server_of_another_kind_is_told(orthanc: Orthanc) -> None:
    http_port = int(orthanc.url.rsplit(":", 1)[1])
    with pytest.raises(PeerUnavailable):
        echo(Peer("127.0.0.1", http_port, "PACS", "MIG"), HASTY)
