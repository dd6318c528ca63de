"""`make bench`: every figure that the documents name, beside peers that run on the same machine in the same rounds.

Prints a table in Markdown. A run of everything writes `bench.json` and `bench.svg` into docs/; a part of it does so
only where `--output` says where. Read the ratios, not the figures. docs/bench.md says what is measured, and how.
"""

import argparse
import sys
import traceback
from pathlib import Path

from rich.console import Console

from bench import machine, report
from bench.row import Row
from bench.scene import Scene, open_scene
from bench.suite import MEASUREMENTS

DOCS = Path(__file__).parents[1] / "docs"

_console = Console(stderr=True, highlight=False)


def main() -> int:
    """Measure and print; return the exit code, 1 where a measurement failed."""
    chosen = _arguments()
    names = chosen.only or list(MEASUREMENTS)
    output = chosen.output or (None if chosen.only or chosen.quick else DOCS)
    profiles = (output or Path.cwd()) / "profiles" if chosen.profile else None
    rounds = chosen.rounds or (1 if chosen.quick else 5)
    with (
        _console.status("starting") as status,
        open_scene(chosen.directory, rounds, status.update, quick=chosen.quick, profiles=profiles) as scene,
    ):
        told = machine.describe(scene.place)
        print(told, end="\n\n")
        rows, failed = [*told.rows], []
        for name in names:
            found = _measured(name, scene)
            rows += found
            failed += [] if found else [name]
            if output:  # after each: an hour's work is not lost with the last measurement
                report.write(rows, str(told), output)
    print(report.markdown(rows))
    for name in failed:
        _console.print(f"{name} failed: its rows are missing")
    return 1 if failed else 0


def _measured(name: str, scene: Scene) -> list[Row]:
    try:
        return MEASUREMENTS[name](scene)
    except Exception:  # noqa: BLE001 - the outermost loop: the others are measured all the same
        traceback.print_exc()
        return []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=tuple(MEASUREMENTS), metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, help="default: 5")
    parser.add_argument("--quick", action="store_true", help="one round of very little: tries the bench, tells nothing")
    parser.add_argument("--directory", type=Path, help="where the disk that is measured is made, or lies")
    parser.add_argument("--output", type=Path, help="where bench.json and bench.svg are written")
    parser.add_argument("--profile", action="store_true", help="keep profiles of hot paths beside bench.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
