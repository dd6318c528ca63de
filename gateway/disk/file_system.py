"""What lies below the spool: a promise is worth what its file system keeps."""

from dataclasses import dataclass
from pathlib import Path

from gateway.disk.durable import Durability
from gateway.errors import SettingsError

_NETWORK = {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4", "smb3"}
_MEMORY = {"ramfs", "tmpfs"}
_IN_PLACE = {"ext4", "xfs"}
_JOURNALED = {"btrfs", "ext3", "ext4", "f2fs", "jfs", "xfs", "zfs"}


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of `/proc/self/mountinfo`."""

    point: Path
    kind: str
    device: str
    options: frozenset[str]


def check_file_system(spool: Path, durability: Durability, system: Path = Path("/")) -> list[str]:
    """Return what an operator should know of the file system of `spool`, in sentences.

    Raises SettingsError where `durability = "disk"` can't be kept: on a network or a RAM file system.
    """
    mount = _mount_of(spool, system)
    if durability is Durability.OS:
        return ['spool.durability is "os": received instances survive kill -9, but not a power cut']
    if mount.kind in _NETWORK | _MEMORY:
        what = "network" if mount.kind in _NETWORK else "RAM"
        raise SettingsError(
            f'{spool} lies on {mount.kind}, a {what} file system, which can\'t keep spool.durability = "disk": '
            'move data_dir to a local disk, or set spool.durability to "os"'
        )
    return _warnings(mount, system)


def overwrites_in_place(spool: Path, durability: Durability, system: Path = Path("/")) -> bool:
    """Whether a flush is shorter where bytes replace others: not where each write goes to new blocks."""
    return durability is Durability.DISK and _mount_of(spool, system).kind in _IN_PLACE


def find_mount(path: Path, mountinfo: str) -> Mount:
    """Return the mount that `path` lies on."""
    resolved = path.resolve()
    mounts = [_mount(line) for line in mountinfo.splitlines()]
    over = [mount for mount in mounts if resolved.is_relative_to(mount.point)]
    return max(enumerate(over), key=lambda item: (len(item[1].point.parts), item[0]))[1]


def _mount_of(path: Path, system: Path) -> Mount:
    return find_mount(path, (system / "proc/self/mountinfo").read_text(encoding="utf-8"))


def _mount(line: str) -> Mount:
    before, _, after = line.partition(" - ")
    point = before.split()[4].encode().decode("unicode_escape")  # a space stands as \040
    kind, device, super_options = after.split()[:3]
    options = frozenset(before.split()[5].split(",")) | frozenset(super_options.split(","))
    return Mount(Path(point), kind, device, options)


def _warnings(mount: Mount, system: Path) -> list[str]:
    found = []
    if mount.kind not in _JOURNALED:
        found.append(f"{mount.kind} has no journal that is known here: after a power cut instances may be missing")
    elif mount.kind == "ext4" and not _has_journal(mount, system):
        found.append("ext4 without a journal: after a power cut the file system may need a check before it is whole")
    if mount.options & {"nobarrier", "barrier=0"}:
        found.append("mounted without write barriers: a power cut may lose what the disk had only in its cache")
    return [f"the spool lies on {mount.device} ({mount.kind}): {warning}" for warning in found]


def _has_journal(mount: Mount, system: Path) -> bool:
    device = Path(mount.device).resolve().name
    journals = system / "proc/fs/jbd2"
    return journals.is_dir() and any(entry.name.startswith(f"{device}-") for entry in journals.iterdir())
