"""A process that retrieves a study by DICOMweb, and tells what that took: `URL AREAS STUDY`."""

import json
import sys
from pathlib import Path

from tests.gateway.retrieval.scene import Node, study_of
from tests.memory import forget_high_water, resident_bytes


def main(url: str, root: str, study: str) -> None:
    node, request = Node(Path(root)), study_of(url, study)
    forget_high_water()
    idle_bytes = resident_bytes()
    outcome = node.retrieve(request)
    used_bytes = resident_bytes(high_water=True) - idle_bytes
    error = outcome.error(allow_partial=False)
    print(json.dumps({"fetched": outcome.fetched, "used_bytes": used_bytes, "error": str(error or "")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
