"""What lets us in at the sources and outputs of a request. No text of an object here shows a secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.inference.vocabulary import AuthType


@dataclass(frozen=True, slots=True)
class Authorization:
    """The value of an Authorization header, as `authType` and `authID` give it: MIG sends `authID` as it stands."""

    scheme: AuthType
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RequestCredentials:
    """By index in `inputResources` and in `outputResources`: each has a term of its own."""

    sources: Mapping[int, Authorization]
    outputs: Mapping[int, Authorization]
