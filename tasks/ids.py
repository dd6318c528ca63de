"""Ids as a run is given them: by the dispatcher, or by whoever fills in a form of Prefect's."""

from uuid import UUID

from gateway.errors import PermanentError


def id_of(kind: str, text: str) -> UUID:
    """Return the id of a payload, an export or a request. Raises PermanentError, which quotes nothing."""
    try:
        return UUID(text)
    except ValueError as error:
        raise PermanentError(f"{kind}_id is no id: 32 hexadecimal digits, as the list of {kind}s shows them") from error
