"""Where the results of a request may go: its `outputResources`, by its transaction id, as exports name them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from gateway.acr.request import INFERENCE_REQUEST, Output
from gateway.acr.vocabulary import Interface
from gateway.config import Settings
from gateway.credentials.authorization import Authorization, service_at
from gateway.credentials.vault import open_vault
from gateway.database import database_errors
from gateway.errors import CredentialsLost, PermanentError
from gateway.inference.identity import request_id
from gateway.inference.store import RequestStore
from gateway.inference.tables import requests
from gateway.web.service import Service

OUTPUTS_GONE = "the credentials for the request's outputResources are no longer held"


class NoSuchOutput(PermanentError):
    """There is no request of that transaction, or it names no place for results."""


def output_services(store: RequestStore, transaction_id: str, settings: Settings, now: datetime) -> list[Service]:
    """Return the DICOMweb services in the `outputResources` of a request, with what lets us in.

    To be asked anew with every try of an export: that renews the term of the credentials (`keep_output_days`). Raises
    NoSuchOutput, CredentialsLost, and DatabaseUnavailable. No text names the transaction.
    """
    outputs, had_credentials = _outputs(store, transaction_id)
    authorizations = {}
    if had_credentials:
        authorizations = _open(store, request_id(transaction_id), settings, now)
    return [service_at(output.url, authorizations.get(output.number), settings) for output in outputs]


def named_services(store: RequestStore, transaction_id: str, settings: Settings) -> list[Service]:
    """The same for who only asks: without what lets us in, and nothing is renewed."""
    outputs, had_credentials = _outputs(store, transaction_id)
    if had_credentials and not _are_held(store, request_id(transaction_id)):
        raise CredentialsLost(f"{OUTPUTS_GONE}: submit the request again")
    return [service_at(output.url, None, settings) for output in outputs]


def _are_held(store: RequestStore, request: UUID) -> bool:
    wanted = select(requests.c.outputs_sealed.is_not(None)).where(requests.c.request_id == request)
    with database_errors(), store.engine.connect() as connection:
        return bool(connection.execute(wanted).scalar_one_or_none())


def _outputs(store: RequestStore, transaction_id: str) -> tuple[list[Output], bool]:
    wanted = select(requests.c.content, requests.c.outputs_until).where(requests.c.transaction_id == transaction_id)
    with database_errors(), store.engine.connect() as connection:
        found = connection.execute(wanted).one_or_none()
    if found is None:
        raise NoSuchOutput("neither a registered destination nor the transactionID of an inference request")
    outputs = [each for each in INFERENCE_REQUEST.validate_json(found[0]).outputs if _is_served(each)]
    if not outputs:
        raise NoSuchOutput("the inference request of this transactionID has no DICOMweb service in its outputResources")
    return outputs, found[1] is not None


def _open(store: RequestStore, request: UUID, settings: Settings, now: datetime) -> dict[int, Authorization]:
    until = now + timedelta(days=settings.inference.keep_output_days)
    this = requests.c.request_id == request
    with database_errors(), store.engine.begin() as connection:
        sealed = connection.execute(select(requests.c.outputs_sealed).where(this)).scalar_one_or_none()
        if sealed is None:
            raise CredentialsLost(f"{OUTPUTS_GONE}: submit the request again")
        later = func.coalesce(requests.c.outputs_until, until) < until
        connection.execute(update(requests).where(this, later).values(outputs_until=until))
    return open_vault(settings).open(sealed)


def _is_served(output: Output) -> bool:
    return output.interface is Interface.DICOM_WEB
