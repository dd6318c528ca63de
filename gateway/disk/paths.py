"""Every path below the data directory of a node."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """What lies where below `data_dir`. Nothing is made here."""

    data_dir: Path

    @property
    def spool(self) -> Path:
        """What was received and is not cleared yet, and which node this is."""
        return self.data_dir / "spool"

    @property
    def retrieval(self) -> Path:
        """The working areas of inference requests."""
        return self.data_dir / "retrieval"

    @property
    def exports(self) -> Path:
        """The working areas of exports."""
        return self.data_dir / "exports"

    @property
    def associations(self) -> Path:
        """What the receiver has noted of associations, on its way into the database."""
        return self.data_dir / "associations"

    @property
    def objects(self) -> Path:
        """The object store, where that is a local one and no other path is named."""
        return self.data_dir / "objects"

    @property
    def database(self) -> Path:
        """The gateway's database, where no other is named."""
        return self.data_dir / "gateway.db"

    @property
    def credentials_key(self) -> Path:
        """What credentials are encrypted with, where no other file is named."""
        return self.data_dir / "keys" / "credentials.key"

    @property
    def lookup_key(self) -> Path:
        """What is digested to find payloads by is digested with this, where no other file is named."""
        return self.data_dir / "keys" / "lookup.key"

    @property
    def prefect(self) -> Path:
        """Prefect's home, and its database where it is a part of this node."""
        return self.data_dir / "prefect"

    @property
    def wake_ups(self) -> Path:
        """What is touched to wake this node's dispatcher."""
        return self.run / "wake-up"

    @property
    def names_never_resolved(self) -> Path:
        """Where the receiver tells which of its sources' names no name server knew."""
        return self.run / "names-never-resolved.json"

    @property
    def beats(self) -> Path:
        """Where each loop of this node's processes says that it turns."""
        return self.run / "beats"

    def role_lock(self, role: str) -> Path:
        """What the one process of a role holds."""
        return self.run / f"{role}.lock"

    @property
    def run(self) -> Path:
        """What processes tell each other."""
        return self.data_dir / "run"
