"""The command `mig`: as a shell runs it, and within this process."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import structlog

from deployments.cli import main
from gateway.spool.node import read_node
from tests.databases import empty_database

MIG = Path(sys.executable).with_name("mig")
ZONE = datetime.now().astimezone().tzname()
"""As it stands in the head of each column of times."""


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

    def __call__(self, *arguments: str, typed: str | None = None) -> Finished:
        ended = subprocess.run(
            [MIG, *arguments],
            cwd=self.directory,
            env=self.whole_environment,
            capture_output=True,
            input=typed,
            text=True,
            check=False,
        )
        return Finished(ended.returncode, ended.stdout, ended.stderr)

    @property
    def whole_environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), **self.environment}


class MigHere(Mig):
    """The same, within this process: for what sets up no log, and asks nothing of Prefect, which reads its environment
    once. A tenth of a process's cost, and a warning is an error here too.
    """

    __slots__ = ()

    def __call__(self, *arguments: str, typed: str | None = None) -> Finished:
        assert typed is None, "nobody types here"
        output, errors = io.StringIO(), io.StringIO()
        logged_as = structlog.get_config()
        structlog.reset_defaults()  # as it is in a process of its own
        exit_code: object = 0
        with (
            mock.patch.dict(os.environ, self.whole_environment, clear=True),
            mock.patch.object(sys, "argv", ["mig", *arguments]),
            contextlib.chdir(self.directory),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            try:
                main()
            except SystemExit as end:
                exit_code = end.code or 0
            finally:
                structlog.configure(**logged_as)
        assert isinstance(exit_code, int), exit_code
        return Finished(exit_code, output.getvalue(), errors.getvalue())


def used_site(directory: Path) -> Path:
    """Have processes run here once, by the defaults; return the data directory."""
    data_dir = directory / "var"
    read_node(data_dir / "spool")
    empty_database(data_dir / "gateway.db")
    return data_dir
