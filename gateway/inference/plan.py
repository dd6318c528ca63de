"""Which source serves which input, as in MIG:

DICOMweb   studies, series and instances by UID; patients by PatientID; studies by accession number
FHIR       resources by type and id, or all of a type
DIMSE      nothing: not supported
"""

from dataclasses import dataclass

from gateway.inference.request import InferenceRequest, Input, ResourcesInput, Source
from gateway.inference.vocabulary import Interface


@dataclass(frozen=True, slots=True)
class Step:
    """One source is asked for one input."""

    source: Source
    input: Input


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, source by source in the order of the request; and a sentence for each pair that means nothing."""

    steps: tuple[Step, ...]
    skipped: tuple[str, ...]


def plan_of(request: InferenceRequest) -> Plan:
    """Pair every source with every input."""
    pairs = [Step(source, each) for source in request.sources for each in request.inputs]
    return Plan(
        steps=tuple(pair for pair in pairs if _is_served(pair)),
        skipped=tuple(_why_skipped(pair) for pair in pairs if not _is_served(pair)),
    )


def _is_served(pair: Step) -> bool:
    wanted = Interface.FHIR if isinstance(pair.input, ResourcesInput) else Interface.DICOM_WEB
    return pair.source.interface is wanted


def _why_skipped(pair: Step) -> str:
    source = f"inputResources[{pair.source.number}]"
    if pair.source.interface is Interface.DIMSE:
        return f"{source} is skipped for {pair.input.place}: retrieval by DIMSE is not supported"
    return f"{source} is skipped for {pair.input.place}: {pair.source.interface} does not serve this type of input"
