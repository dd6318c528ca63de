"""`make bench`: how fast instances come in, and how soon a study is announced.

Prints tables in Markdown. Peers run in the same rounds on the same machine: read the ratios, not the figures.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench import event, intake, machine, trigger

PARTS = {
    "intake": ("Into the spool", intake.measure),
    "trigger": ("From a trigger to a run", trigger.measure),
    "event": ("To the event", event.measure),
}

_console = Console(stderr=True, highlight=False)


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--only", choices=tuple(PARTS), help="measure only this")
    parser.add_argument("--directory", type=Path, help="where the spools lie (default: a new one below the system's)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.directory, prefix="bench-") as directory:
        print(machine.describe(Path(directory)))
        for name, (title, measure) in PARTS.items():
            if chosen.only in {None, name}:
                place = Path(directory) / name
                place.mkdir()
                with _console.status("starting") as status:
                    rows = measure(place, status.update)
                print(f"\n## {title}\n", *rows, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
