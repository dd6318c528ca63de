"""A process that sends one file by STOW-RS, and tells what that took: `URL FILE`."""

import json
import sys
from pathlib import Path

from gateway.dicom.part10_file import Part10File
from gateway.web.client import Client
from gateway.web.service import Service
from tests.gateway.dicomweb.sending import send
from tests.memory import forget_high_water, resident_bytes


def main(url: str, path: str) -> None:
    client, file = Client(Service(url)), Part10File.at(Path(path))
    forget_high_water()
    idle_bytes = resident_bytes()
    sending = send(client, [file])
    used_bytes = resident_bytes(high_water=True) - idle_bytes
    print(json.dumps({"kinds": sending.kinds, "used_bytes": used_bytes, "error": str(sending.error or "")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
