"""What a process and its descendants cost, as the kernel counts it."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int) -> float:
    """User and system time of a process, its living descendants, and those of its children that have ended."""
    return sum(_times(pid) for pid in family(root))


def peak_bytes(root: int) -> int:
    """The largest resident set that the process had (VmHWM)."""
    return _status_bytes(root, "VmHWM")


def resident_bytes(root: int) -> int:
    """The memory of the process that is in use (VmRSS)."""
    return _status_bytes(root, "VmRSS")


def forget_peak(root: int) -> None:
    """Let `peak_bytes` count from here. See proc(5), clear_refs."""
    Path(f"/proc/{root}/clear_refs").write_text("5", encoding="ascii")


def shared_out_bytes(pid: int) -> int:
    """The memory of one process, each page that others have as well counted in part (Pss)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def family(root: int) -> list[int]:
    """The process and all that descend from it."""
    parents = dict(_parents())
    members = [root]
    for member in members:
        members += [pid for pid, parent in parents.items() if parent == member]
    return members


def _status_bytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _parents() -> list[tuple[int, int]]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [(pid, int(fields[1])) for pid in pids if (fields := _fields(pid))]


def _times(pid: int) -> float:
    fields = _fields(pid)
    return sum(int(field) for field in fields[11:15]) / _TICKS if fields else 0.0


def _fields(pid: int) -> list[str]:
    """The fields of `/proc/<pid>/stat` behind the command's name; none where it has ended. See proc(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
