"""How the run of a request is called: where it fetches from, for which workflows, and how much was asked for.

Of what the client wrote only hosts and ids of workflows stand there, and those only where they look like ids.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

from gateway.acr.request import (
    AccessionInput,
    InferenceRequest,
    Input,
    PatientInput,
    RequestedSource,
    ResourcesInput,
)
from gateway.acr.vocabulary import SERVES
from gateway.inference.acceptance import note
from gateway.wording import counted, counted_each

_MOST_NAMES = 2
_WORKFLOW_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def run_name(request: InferenceRequest, request_id: UUID) -> str:
    """E.g. `archive.hospital → lung-nodules, 1 study, 22455a33`."""
    sources = [_place(source) for source in request.sources if SERVES[source.interface]]
    name = _listed(sources, "source")
    if request.workflows:
        name += f" → {_workflows(request.workflows)}"
    return f"{name}, {_asked_for(request.inputs)}, {note(request_id)}"


def _place(source: RequestedSource) -> str:
    return source.registered or urlsplit(source.url).hostname or "source"


def _workflows(workflows: tuple[str, ...]) -> str:
    are_ids = all(map(_WORKFLOW_ID.fullmatch, workflows))
    return _listed(workflows, "workflow") if are_ids else counted(len(workflows), "workflow")


def _listed(names: Sequence[str], what: str) -> str:
    """The first of them, and how many more there are."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _MOST_NAMES
    return ", ".join([*distinct[:_MOST_NAMES], *([counted(more, f"more {what}")] if more > 0 else [])])


def _asked_for(inputs: tuple[Input, ...]) -> str:
    counts = {"study": 0, "patient": 0, "accession number": 0, "resource": 0}
    for each in inputs:
        if isinstance(each, PatientInput):
            counts["patient"] += 1
        elif isinstance(each, AccessionInput):
            counts["accession number"] += len(each.accession_numbers)
        elif isinstance(each, ResourcesInput):
            counts["resource"] += len(each.resources)
        else:
            counts["study"] += len(each.studies)
    return counted_each(counts)
