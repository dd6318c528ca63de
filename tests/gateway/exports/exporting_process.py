"""A process that carries one export out, and tells what that took: `DATABASE_URL OBJECTS EXPORT_ID PORT AE_TITLE`."""

import json
import sys
import tempfile
from pathlib import Path
from uuid import UUID

from gateway.config import DimseDestination
from gateway.exports.ledger import opened_ledger
from gateway.object_store.local import LocalObjectStore
from tests.gateway.exports.scene import Scene
from tests.memory import forget_high_water, resident_bytes


def main(url: str, objects: str, export_id: str, port: str, ae_title: str) -> None:
    with tempfile.TemporaryDirectory() as directory, opened_ledger(url) as ledger:
        scene = Scene(Path(directory), ledger)
        scene.store = LocalObjectStore(Path(objects), "monaideploy")
        scene.register(DimseDestination(name="pacs", ae_title=ae_title, host="127.0.0.1", port=int(port)))
        forget_high_water()
        idle_bytes = resident_bytes()
        settlement = scene.settled(UUID(export_id))
        used_bytes = resident_bytes(high_water=True) - idle_bytes
    print(json.dumps({"status": settlement.status, "used_bytes": used_bytes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
