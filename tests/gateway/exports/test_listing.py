"""What is queued for whom."""

from datetime import timedelta

from gateway.exports.listing import DestinationDepth, ExportListing
from gateway.exports.states import ExportState
from tests.gateway.conftest import on_both_databases
from tests.gateway.dimse.raw_pacs import answering, raw_pacs
from tests.gateway.exports.scene import BEGAN, Scene, pacs_destination
from tests.peers.ports import free_port

pytestmark = on_both_databases


def test_an_export_is_queued_where_it_misses_something_and_as_old_as_the_first(scene: Scene) -> None:
    with raw_pacs() as pacs:
        there = pacs_destination(pacs)
        scene.register(there, there.model_copy(update={"name": "away", "port": free_port()}))
        for task in ("first", "second"):
            scene.waits(scene.ask(scene.put_some(3), "away", "pacs", task=task))
            scene.move(60)
    assert ExportListing(scene.ledger.engine).depths() == [DestinationDepth("away", ExportState.WAITING, 2, BEGAN)]


def test_an_export_that_ended_in_part_is_counted_where_it_failed(scene: Scene) -> None:
    with raw_pacs() as pacs, raw_pacs(answering(0xC000)) as picky:
        scene.register(pacs_destination(pacs), pacs_destination(picky, "picky"))
        scene.move(60)
        scene.settled(scene.ask(scene.put_some(2), "pacs", "picky"))
    when = BEGAN + timedelta(seconds=60)
    assert ExportListing(scene.ledger.engine).depths() == [DestinationDepth("picky", ExportState.PARTIAL, 1, when)]


def test_what_names_no_files_is_counted_all_the_same(scene: Scene) -> None:
    scene.settled(scene.ask([], "pacs"))
    assert ExportListing(scene.ledger.engine).depths() == [DestinationDepth("pacs", ExportState.FAILED, 1, BEGAN)]
