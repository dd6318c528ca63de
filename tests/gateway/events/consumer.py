"""A consumer of `md.workflow.request`, written from its contract alone."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

_SCHEMA = json.loads(Path(__file__).with_name("md.workflow.request.schema.json").read_text(encoding="utf-8"))


def accept(body: bytes) -> None:
    """Raises ValidationError if the event is not as the contract has it."""
    Draft202012Validator(_SCHEMA, format_checker=FormatChecker()).validate(json.loads(body))
