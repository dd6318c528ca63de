"""The examples that HL7 publishes with FHIR R4, from the package of npm: real resources, some of them odd."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.peers.components import FHIR_EXAMPLES


@dataclass(frozen=True, slots=True)
class Example:
    """A resource in JSON, as the package has it."""

    resource_type: str
    resource_id: str
    content: bytes


@cache
def fhir_examples(*resource_types: str) -> tuple[Example, ...]:
    """Every example of these types that has an id, in the order of their names. Raises MissingComponent."""
    return tuple(sorted(_examples(resource_types), key=lambda example: (example.resource_type, example.resource_id)))


def _examples(resource_types: tuple[str, ...]) -> Iterator[Example]:
    prefixes = tuple(f"package/{resource_type}-" for resource_type in resource_types)
    name = "hl7.fhir.r4.examples-4.0.1.tgz"
    with tarfile.open(FHIR_EXAMPLES.file(name)) as package:
        for member in package:
            if member.name.startswith(prefixes) and (file := package.extractfile(member)):
                content = file.read()
                resource = json.loads(content)
                yield Example(resource["resourceType"], resource["id"], content)
