"""Taking inference requests in, whoever brings them: read, kept, and the dispatcher woken."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.acr.submission import Submission, read_submission
from gateway.config import Settings
from gateway.credentials.vault import Vault, open_vault
from gateway.inference.store import RequestStore
from gateway.work.wake_up import wake_up


@dataclass(frozen=True, slots=True)
class RequestAcceptance:
    """Takes requests in. `vault` is None where there is no key: only requests without credentials are taken then."""

    store: RequestStore
    settings: Settings
    vault: Vault | None

    def accept(self, body: bytes) -> Submission:
        """Take a request in and return it: from then on it is durable.

        Raises UnreadableRequest, InvalidRequest or AlreadyKnown, SettingsError where its credentials can't be kept,
        DatabaseUnavailable.
        """
        allow_http = self.settings.inference.allow_credentials_over_http
        submission = read_submission(body, allow_credentials_over_http=allow_http)
        vault = self.vault
        if vault is None and (submission.credentials.sources or submission.credentials.outputs):
            vault = open_vault(self.settings)  # which says what is missing, or has been put there since
        term = timedelta(days=self.settings.inference.keep_output_days)
        self.store.accept(submission, vault, datetime.now(UTC), output_term=term)
        wake_up(self.settings.paths.wake_ups)
        return submission


def note(request: UUID) -> str:
    """How a request is called in logs and names of runs: by the first digits of its id."""
    return str(request)[:8]
