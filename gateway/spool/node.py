"""The identity of a spool. It moves with the volume: a host's name may change, or be shared."""

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from gateway.disk.durable import Durability, write_whole
from gateway.errors import Damaged
from gateway.versions import check_file_version

_VERSION = 2  # 1: without the name of the queue


@dataclass(frozen=True, slots=True)
class Node:
    """Which spool this is. `work_queue` is the Prefect work queue of the runs that need its files.

    The queue is named once, for good: runs lie in it.
    """

    node_id: UUID
    name: str
    work_queue: str

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
        node_id = str(uuid4())
        queue = f"node-{name}-{node_id[:8]}"
        identity = {"version": _VERSION, "node_id": node_id, "name": name, "work_queue": queue}
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
        node_id = UUID(identity["node_id"])
        return Node(node_id, str(identity["name"]), str(identity.get("work_queue", f"node-{node_id}")))
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
