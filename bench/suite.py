"""The measurements, by the names that the command line knows them by, in the order of the report."""

from collections.abc import Callable, Mapping

from bench import event, intake, store, throughput
from bench.row import Row
from bench.scene import Scene

MEASUREMENTS: Mapping[str, Callable[[Scene], list[Row]]] = {
    "intake": intake.measure,
    "store": store.measure,
    "event": event.measure,
    "throughput": throughput.measure,
}
