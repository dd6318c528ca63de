"""Names of FHIR: resource types and ids, and the forms and versions in which resources are asked for."""

import re
from enum import StrEnum

_TYPE = re.compile(r"[A-Z][A-Za-z]{0,63}")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


def is_fhir_type(value: str) -> bool:
    """Whether `value` can be the name of a resource type."""
    return _TYPE.fullmatch(value) is not None


def is_fhir_id(value: str) -> bool:
    """Whether `value` is an id (R4 section 2.24.0.1) that is safe as a part of an address: `..` is not."""
    return _ID.fullmatch(value) is not None and set(value) != {"."}


class FhirFormat(StrEnum):
    """The form in which FHIR resources are fetched."""

    JSON = "Json"
    XML = "Xml"

    @property
    def extension(self) -> str:
        """Of a file with such a resource: json or xml."""
        return self.value.lower()


class FhirVersion(StrEnum):
    """The version of FHIR that a server is asked for."""

    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    R4 = "R4"

    @property
    def number(self) -> str:
        """As the parameter `fhirVersion` of a media type has it; MIG's numbers."""
        return {"R1": "0.0", "R2": "1.0", "R3": "3.0", "R4": "4.0"}[self.value]
