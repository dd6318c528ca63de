"""The enumerations of the ACR DSI, each with the names that MIG gives their members."""

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


class AuthType(StrEnum):
    """How we are let in."""

    NONE = "None"
    BASIC = "Basic"
    BEARER = "Bearer"


class Operation(StrEnum):
    """What a resource may be used for. Read, and not looked at, as in MIG."""

    QUERY = "QUERY"
    RETRIEVE = "RETRIEVE"
    WADO_RETRIEVE = "WADO Retrieve"
    STORE = "STORE"
