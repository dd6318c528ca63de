"""How far a request comes, shown while it comes."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gateway.inference.row import RequestRow

_LOOK_EVERY_SECONDS = 0.5


def wait_shown(look: Callable[[], RequestRow], console: Console) -> RequestRow:
    """Show what `look` sees, a bar for each source, until the request is over; return it as it then is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        whole = progress.add_task("queued", total=None)
        bars: dict[int, TaskID] = {}
        while True:
            row = look()
            progress.update(whole, description=f"{row.state}{': ' if row.message else ''}{row.message}")
            for each in row.outcome.sources if row.outcome else ():
                if each.source not in bars:
                    bars[each.source] = progress.add_task(f"inputResources[{each.source}]", total=None)
                progress.update(bars[each.source], completed=each.fetched, total=each.found)
            if row.state.is_over:
                progress.update(whole, total=1, completed=1)
                return row
            time.sleep(_LOOK_EVERY_SECONDS)
