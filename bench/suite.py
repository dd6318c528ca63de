"""The measurements, by the names that the command line knows them by, in the order of the report."""

from collections.abc import Callable, Mapping

from bench import (
    associations,
    commands,
    event,
    footprint,
    groups,
    imports,
    intake,
    kept,
    multiframe,
    nagle,
    pages,
    shapes,
    start,
    store,
    stow,
    throughput,
    wado,
    window,
)
from bench.row import Row
from bench.scene import Scene

MEASUREMENTS: Mapping[str, Callable[[Scene], list[Row]]] = {
    "intake": intake.measure,
    "nagle": nagle.measure,
    "associations": associations.measure,
    "kept": kept.measure,
    "shapes": shapes.measure,
    "groups": groups.measure,
    "start": start.measure,
    "multiframe": multiframe.measure,
    "store": store.measure,
    "window": window.measure,
    "stow": stow.measure,
    "wado": wado.measure,
    "event": event.measure,
    "throughput": throughput.measure,
    "footprint": footprint.measure,
    "imports": imports.measure,
    "commands": commands.measure,
    "pages": pages.measure,
}
