"""How fast instances come in: the gateway beside dcmtk's storescp and Orthanc, in interleaved rounds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bench import flushes, receivers
from bench.profile import profiled
from bench.receivers import Starter
from bench.row import Row, figure
from bench.sample import Median, Sample, interleaved
from bench.scene import Scene
from bench.sending import Load, send, send_warm

GATEWAY, GATEWAY_OS, STORESCP, ORTHANC = "gateway", 'gateway, durability "os"', "dcmtk storescp", "Orthanc"

RECEIVERS: Mapping[str, Starter] = {
    GATEWAY: receivers.gateway,
    GATEWAY_OS: receivers.gateway_os,
    STORESCP: receivers.storescp,
    ORTHANC: receivers.archive,
}


@dataclass(frozen=True, slots=True)
class Case:
    """Instances of one kind over so many associations, and the bounds of the issue for them."""

    kind: str
    associations: int
    to_orthanc: float
    most_cpu_ms: float

    def __str__(self) -> str:
        return f"{self.kind}, {self.associations} association{'s' if self.associations > 1 else ''}"


CT_1, CT_4 = Case("CT 525 KB", 1, 3.5, 0.45), Case("CT 525 KB", 4, 3.0, 0.45)
MR_1, MR_4 = Case("MR 33 KB", 1, 3.5, 0.2), Case("MR 33 KB", 4, 3.5, 0.2)

Found = dict[tuple[Case, str], Median]


def measure(scene: Scene) -> list[Row]:
    """Intake beside Orthanc and storescp, and what an instance costs."""
    found = medians(scene)
    rows = [_beside_orthanc(found, case) for case in (CT_1, CT_4, MR_1, MR_4)]
    rows += [_beside_storescp(found, case) for case in (CT_1, MR_1)]
    rows += [_cpu(found, case) for case in (CT_1, MR_1)]
    rows += [row for case in (CT_1, MR_1) if (row := _flushes(scene, case))]
    return rows


def medians(scene: Scene) -> Found:
    """What each receiver made of each load."""
    loads = {case: _load(scene, case) for case in (CT_1, CT_4, MR_1, MR_4)}
    ways: dict[tuple[Case, str], Callable[[], Sample]] = {
        (case, name): partial(_round, scene, name, load) for case, load in loads.items() for name in RECEIVERS
    }
    found = {key: Median.of(samples) for key, samples in interleaved(ways, scene.rounds, scene.say, "intake").items()}
    if scene.profiles:
        for case in (CT_1, MR_1):
            _round(scene, GATEWAY, loads[case], f"intake-{case.kind.split()[0].lower()}")
    return found


def table(found: Found) -> list[str]:
    """Return the rows of a Markdown table, one for each load and receiver."""
    lines = ["| sent | receiver | instances/s | CPU ms/instance | peak MB |", "| --- | --- | ---: | ---: | ---: |"]
    for (case, name), median in found.items():
        memory = figure(median.peak_mb) if name != STORESCP else ""  # its children's is lost with them
        lines.append(f"| {case} | {name} | {figure(median.rate)} | {median.cpu_ms:.2f} | {memory} |")
    return lines


def _load(scene: Scene, case: Case) -> Load:
    files, repeated = (scene.studies.ct, 2) if case.kind == CT_1.kind else (scene.studies.mr, 3)
    return Load(files[: scene.amount(len(files))], case.associations, repeated)


def _round(scene: Scene, name: str, load: Load, profile: str = "") -> Sample:
    with (
        scene.fresh("intake") as directory,
        RECEIVERS[name](directory) as receiver,
        profiled(receiver.pid, scene.profiles if profile else None, profile),
    ):
        return send_warm(receiver, load)


def _beside_orthanc(found: Found, case: Case) -> Row:
    ours, peer = found[case, GATEWAY], found[case, ORTHANC]
    return Row(
        what=f"intake, {case}",
        unit="instances/s",
        ours=ours.rate,
        peer=peer.rate,
        peer_name="Orthanc, TCP_NODELAY",
        at_least=case.to_orthanc,
        cpu_ms=ours.cpu_ms,
        peer_cpu_ms=peer.cpu_ms,
        peak_mb=ours.peak_mb,
        peer_peak_mb=peer.peak_mb,
        note=ours.limit(case.associations),
    )


def _beside_storescp(found: Found, case: Case) -> Row:
    ours, peer = found[case, GATEWAY_OS], found[case, STORESCP]
    return Row(
        what=f'intake, durability "os", {case}',
        unit="instances/s",
        ours=ours.rate,
        peer=peer.rate,
        peer_name="dcmtk storescp",
        at_least=0.9,
        cpu_ms=ours.cpu_ms,
        peer_cpu_ms=peer.cpu_ms,
        peak_mb=ours.peak_mb,
        note=ours.limit(),
    )


def _flushes(scene: Scene, case: Case) -> Row | None:
    ours, peer = (_flushes_each(scene, name, case) for name in (GATEWAY, ORTHANC))
    if ours is None or peer is None:
        return None
    return Row(
        what=f"flushes for each instance received, {case}",
        unit="system calls",
        ours=ours,
        at_most=1.1,
        note=f"Orthanc {peer:.2f}",
    )


def _flushes_each(scene: Scene, name: str, case: Case) -> float | None:
    load = Load(_load(scene, case).files)
    with scene.fresh("flushes") as directory, RECEIVERS[name](directory) as receiver:
        with flushes.counted(receiver.pid, scene.work) as counted:
            send(receiver, load)
        return None if counted.count is None else counted.count / load.instances


def _cpu(found: Found, case: Case) -> Row:
    return Row(
        what=f"CPU for each instance received, {case}",
        unit="ms",
        ours=found[case, GATEWAY].cpu_ms,
        at_most=case.most_cpu_ms,
        note=f"Orthanc {found[case, ORTHANC].cpu_ms:.2f}, dcmtk storescp {found[case, STORESCP].cpu_ms:.2f}",
    )
