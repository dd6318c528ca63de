"""The enumerations of the ACR DSI, each with the names that MIG gives their members."""

from collections.abc import Mapping
from enum import StrEnum


class InputType(StrEnum):
    """What an input names."""

    DICOM_UID = "DICOM_UID"
    DICOM_PATIENT_ID = "DICOM_PATIENT_ID"
    ACCESSION_NUMBER = "ACCESSION_NUMBER"
    FHIR_RESOURCE = "FHIR_RESOURCE"


class Interface(StrEnum):
    """How a resource is reached."""

    ALGORITHM = "Algorithm"
    DICOM_WEB = "DICOMweb"
    DIMSE = "DIMSE"
    FHIR = "FHIR"

    @property
    def kind(self) -> str:
        """The kind of source that is reached so, as `gateway.sources` has it."""
        return self.value.lower()


SERVES: Mapping[Interface, frozenset[InputType]] = {
    Interface.DICOM_WEB: frozenset({InputType.DICOM_UID, InputType.DICOM_PATIENT_ID, InputType.ACCESSION_NUMBER}),
    Interface.FHIR: frozenset({InputType.FHIR_RESOURCE}),
    Interface.DIMSE: frozenset(),  # not supported, as in MIG
    Interface.ALGORITHM: frozenset(),
}
"""What may be asked of a source, by how it is reached."""


class Operation(StrEnum):
    """What a resource may be used for. Read, and not looked at, as in MIG."""

    QUERY = "QUERY"
    RETRIEVE = "RETRIEVE"
    WADO_RETRIEVE = "WADO Retrieve"
    STORE = "STORE"
