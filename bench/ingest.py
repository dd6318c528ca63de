"""The way in, as tables: how fast instances are received, and how soon a study is announced.

    python -m bench.ingest

A part of `python -m bench`, told phase by phase.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from bench import event, intake, machine, trigger
from bench.scene import Scene, open_scene

PARTS: Mapping[str, tuple[str, Callable[[Scene], list[str]]]] = {
    "intake": ("Into the spool", lambda scene: intake.table(intake.medians(scene))),
    "trigger": ("From a trigger to a run", trigger.table),
    "event": ("To the event", lambda scene: event.table(event.measure_phases(scene))),
}

_console = Console(stderr=True, highlight=False)


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--only", choices=tuple(PARTS), help="measure only this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", type=Path, help="where the disk that is measured is made, or lies")
    chosen = parser.parse_args()
    with _console.status("starting") as status, open_scene(chosen.directory, chosen.rounds, status.update) as scene:
        print(machine.describe(scene.place))
        for name, (title, table) in PARTS.items():
            if chosen.only in {None, name}:
                print(f"\n## {title}\n", *table(scene), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
