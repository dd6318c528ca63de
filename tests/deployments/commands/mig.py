"""The command `mig` as a shell runs it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MIG = Path(sys.executable).with_name("mig")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended, and what it printed where."""

    exit_code: int
    output: str
    errors: str

    @property
    def rows(self) -> Any:
        return json.loads(self.output)


@dataclass(frozen=True, slots=True)
class Mig:
    """Runs `mig` in a directory, with nothing of our environment but PATH and what is given."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str) -> Finished:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), **self.environment}
        ended = subprocess.run(
            [MIG, *arguments], cwd=self.directory, env=environment, capture_output=True, text=True, check=False
        )
        return Finished(ended.returncode, ended.stdout, ended.stderr)
