"""promtool: Prometheus's own reading of rules, and its own evaluation of them on series that are given."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers.components import PROMETHEUS

MINUTES = 60
"""How long a series goes on before it is asked."""


@dataclass(frozen=True, slots=True)
class Series:
    """One that begins with a value and has so much more each minute."""

    name: str
    labels: Mapping[str, str]
    begins: float
    grows: float = 0.0

    def told(self) -> dict[str, str]:
        """As promtool reads it."""
        labels = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(self.labels.items()))
        return {"series": f"{self.name}{{{labels}}}", "values": f"{self.begins:f}+{self.grows:f}x{MINUTES}"}


@dataclass(frozen=True, slots=True)
class Promtool:
    """The program; what it writes down lies in `directory`."""

    directory: Path

    def check(self, rules: Path) -> str:
        """Return what is wrong with a file of rules, "" where nothing is."""
        return self._run("check", "rules", "--lint-fatal", str(rules))

    def ask(self, series: Sequence[Series], questions: Mapping[str, Sequence[str]], rules: Path | None = None) -> str:
        """Return what answers otherwise than it should after an hour of these series, "" where nothing does.

        To each question, an expression, belong the series with the value 1 that answer it.
        """
        asked = [
            {
                "expr": question,
                "eval_time": f"{MINUTES}m",
                "exp_samples": [{"labels": each, "value": 1} for each in told],
            }
            for question, told in questions.items()
        ]
        scene = {"interval": "1m", "input_series": [each.told() for each in series], "promql_expr_test": asked}
        file = self.directory / "scene.yml"
        file.write_text(json.dumps({"rule_files": [str(rules)] if rules else [], "tests": [scene]}))  # JSON is YAML
        return self._run("test", "rules", str(file))

    def _run(self, *arguments: str) -> str:
        command = [str(PROMETHEUS.file("promtool")), *arguments]
        finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return finished.stdout if finished.returncode else ""
