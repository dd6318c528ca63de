"""The identity of a spool. It moves with the volume: a host's name may change, or be shared."""

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from gateway.disk.durable import Durability, write_whole
from gateway.errors import Damaged
from gateway.versions import check_file_version

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Node:
    """Which spool this is. `work_queue` is the queue of the runs that need its files."""

    node_id: UUID
    name: str

    @property
    def work_queue(self) -> str:
        """The Prefect work queue whose runs read this spool."""
        return f"node-{self.node_id}"

    @property
    def worker_name(self) -> str:
        """The name of the worker beside this spool: unique, and the same after a restart."""
        return f"{self.name}-{str(self.node_id)[:8]}"


def read_node(spool: Path) -> Node:
    """Return the identity kept in `spool/node.json`, made at the first call.

    Raises FromNewerProgram, and Damaged where it can't be read: a spool must not get another identity.
    """
    file = spool / "node.json"
    if not file.exists():
        spool.mkdir(parents=True, exist_ok=True)
        name = socket.gethostname().split(".")[0]
        identity = {"version": _VERSION, "node_id": str(uuid4()), "name": name}
        _write_unless_there(file, json.dumps(identity))
    return _read(file)


def find_node(spool: Path) -> Node | None:
    """The same for who only asks: None where no process has needed an identity yet."""
    file = spool / "node.json"
    return _read(file) if file.exists() else None


def _read(file: Path) -> Node:
    try:
        identity = json.loads(file.read_bytes())
        check_file_version(str(file), identity.get("version"), _VERSION)
        return Node(UUID(identity["node_id"]), str(identity["name"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(
            f"{file} can't be read: put it back from a backup, it names the queue of the payloads here"
        ) from error


def _write_unless_there(file: Path, content: str) -> None:
    """Several processes may start together on a new spool: the first one's identity stands."""
    mine = file.with_name(f".{file.name}.{uuid4()}")
    write_whole(mine, content.encode(), Durability.DISK)
    try:
        file.hardlink_to(mine)
    except FileExistsError:
        pass
    finally:
        mine.unlink()
