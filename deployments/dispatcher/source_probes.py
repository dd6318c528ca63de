"""Which sources the runs of retrievals wait for, and how each is asked whether it answers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from prefect.client.schemas.objects import FlowRun

from deployments.dispatcher.release import Peers, Probe
from gateway.config import load_settings
from gateway.errors import SettingsError
from gateway.inference.store import RequestStore
from gateway.retrieval.probing import check_source, sources_away


def source_peers(store: RequestStore) -> Peers:
    """Return what tells of waiting runs which source each waits for. It reads the settings anew, as a run does."""

    def peers(runs: Sequence[FlowRun]) -> Mapping[str, tuple[Probe, Sequence[FlowRun]]]:
        settings = load_settings().settings
        found: dict[str, tuple[Callable[[], None], list[FlowRun]]] = {}
        by_id = {run.id: run for run in runs}
        for row in store.of_runs(list(by_id)):
            try:
                away = sources_away(row, settings)
            except SettingsError:  # its run says so when its time comes
                continue
            for service, interface in away[:1]:
                probe = partial(check_source, service, interface, settings)
                _, its_runs = found.setdefault(f"the source {service}", (probe, []))
                if row.flow_run_id:
                    its_runs.append(by_id[row.flow_run_id])
        return found

    return peers
