"""A process that sends one file by C-STORE, and tells what that took: `PORT AE_TITLE FILE`."""

import json
import sys
from pathlib import Path

from gateway.dicom.part10_file import Part10File
from gateway.dimse.peer import Peer, Timeouts
from tests.gateway.dimse.sending import send
from tests.memory import forget_high_water, resident_bytes


def main(port: str, ae_title: str, path: str) -> None:
    peer, file = Peer("127.0.0.1", int(port), ae_title, "MIG"), Part10File.at(Path(path))
    forget_high_water()
    idle_bytes = resident_bytes()
    sending = send(peer, [file], Timeouts())
    used_bytes = resident_bytes(high_water=True) - idle_bytes
    print(json.dumps({"kinds": sending.kinds, "used_bytes": used_bytes, "error": str(sending.error or "")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
