"""Which source is asked for which input, as in MIG: each for all that its interface serves."""

from dataclasses import dataclass

from gateway.acr.request import InferenceRequest, Input, RequestedSource
from gateway.acr.vocabulary import SERVES, Interface


@dataclass(frozen=True, slots=True)
class Step:
    """One source is asked for one input."""

    source: RequestedSource
    input: Input


@dataclass(frozen=True, slots=True)
class RetrievalPlan:
    """The steps, source by source in the order of the request; and a sentence for each pair that means nothing."""

    steps: tuple[Step, ...]
    skipped: tuple[str, ...]


def plan_of(request: InferenceRequest) -> RetrievalPlan:
    """Pair every source with every input."""
    pairs = [Step(source, each) for source in request.sources for each in request.inputs]
    return RetrievalPlan(
        steps=tuple(pair for pair in pairs if _is_served(pair)),
        skipped=tuple(_why_skipped(pair) for pair in pairs if not _is_served(pair)),
    )


def _is_served(pair: Step) -> bool:
    return pair.input.type in SERVES[pair.source.interface]


def _why_skipped(pair: Step) -> str:
    source = f"inputResources[{pair.source.number}]"
    if pair.source.interface is Interface.DIMSE:
        return f"{source} is skipped for {pair.input.place}: retrieval by DIMSE is not supported"
    return f"{source} is skipped for {pair.input.place}: {pair.source.interface} does not serve this type of input"
