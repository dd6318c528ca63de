"""A client of a site's inference API."""

from dataclasses import dataclass

import httpx

from gateway.inference.identity import payload_id, request_id
from tests.gateway.acr.requests import Json
from tests.site.site import Site
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Requests:
    """Submits requests, and asks what became of them."""

    site: Site

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.site.gateway.http_port}/inference"

    def submit(self, request: Json) -> str:
        """Post a request and return its transaction id."""
        answer = httpx.post(self.url, json=request, trust_env=False, timeout=30)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["transactionId"])

    def status(self, transaction_id: str) -> Json:
        told: Json = httpx.get(f"{self.url}/status/{transaction_id}", trust_env=False, timeout=30).json()
        return told

    def wait_for(self, transaction_id: str, *states: str, within_seconds: float = 90) -> Json:
        def reached() -> bool:
            return self.status(transaction_id)["state"] in states

        wait_until(reached, within_seconds, f"the request to be {states}")
        return self.status(transaction_id)

    def event(self, transaction_id: str) -> Json:
        """The one event of a request that is completed."""
        self.site.new_events(wait_seconds=2)
        wanted = str(payload_id(request_id(transaction_id)))
        (event,) = [event for event in self.site.events if event["payload_id"] == wanted]
        return event

    def found_payloads(self, what_a_person_has: Json) -> dict[str, Json]:
        """The payloads that have it, by their ids."""
        address = f"http://127.0.0.1:{self.site.gateway.http_port}/payloads/find"
        answer = httpx.post(address, json=what_a_person_has, trust_env=False, timeout=30).raise_for_status()
        return {payload["id"]: payload for payload in answer.json()["payloads"]}
