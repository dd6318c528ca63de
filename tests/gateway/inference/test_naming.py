"""The name of a retrieval's run: what an operator knows, and nothing of a patient."""

from dataclasses import replace
from uuid import UUID

import pytest

from gateway.acr.request import (
    AccessionInput,
    InferenceRequest,
    PatientInput,
    RequestedSource,
    StudiesInput,
    StudySelection,
)
from gateway.acr.vocabulary import Interface
from gateway.inference.naming import run_name

ID = UUID("22455a33-0000-4000-8000-000000000000")
ARCHIVE = RequestedSource(1, Interface.DICOM_WEB, url="https://user:pass@archive.hospital:8042/dicom-web?x=SECRET")
ALGORITHM = RequestedSource(0, Interface.ALGORITHM)
STUDY = StudiesInput("inputs[0]", (StudySelection("1.2.1"),))
REQUEST = InferenceRequest("SECRET", 128, ("lung-nodules",), (ALGORITHM, ARCHIVE), (STUDY,))


def test_it_tells_the_host_the_workflow_and_how_much_was_asked_for() -> None:
    assert run_name(REQUEST, ID) == "archive.hospital → lung-nodules, 1 study, 22455a33"


def test_a_registered_archive_is_called_by_its_name() -> None:
    registered = replace(REQUEST, sources=(RequestedSource(0, Interface.DICOM_WEB, registered="pacs"),), workflows=())
    assert run_name(registered, ID) == "pacs, 1 study, 22455a33"


def test_of_patients_only_counts_stand_there() -> None:
    asked = (PatientInput("inputs[0]", "SECRET"), AccessionInput("inputs[1]", ("SECRET-1", "SECRET-2")))
    assert run_name(replace(REQUEST, inputs=asked), ID).endswith(", 1 patient and 2 accession numbers, 22455a33")


@pytest.mark.parametrize("workflow", ["for John Doe", "a\nb", "x" * 65])
def test_a_workflow_that_does_not_look_like_an_id_is_counted(workflow: str) -> None:
    assert run_name(replace(REQUEST, workflows=(workflow,)), ID) == "archive.hospital → 1 workflow, 1 study, 22455a33"


def test_of_many_the_first_two_are_named() -> None:
    archives = tuple(RequestedSource(n, Interface.DICOM_WEB, registered=f"pacs-{n}") for n in range(4))
    name = run_name(replace(REQUEST, sources=archives, workflows=("a", "b", "c")), ID)
    assert name == "pacs-0, pacs-1, 2 more sources → a, b, 1 more workflow, 1 study, 22455a33"
