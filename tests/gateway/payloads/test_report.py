"""The sentences of a run about its payload: counts, ids and places."""

from uuid import uuid4

from gateway.payloads.payload import Payload, Resource
from gateway.payloads.report import announced_line, stored_line, verified_line
from tests.deployments.payloads import made_payload


def with_resource(payload: Payload) -> Payload:
    origin = payload.instances[0].origin
    resource = Resource(
        file="r", path="ehr/Patient/1.json", content_type="", bytes=500, crc32c=0, received_ns=0, origin=origin
    )
    return payload.model_copy(update={"resources": (resource,)})


def test_what_is_verified_is_counted_by_kind() -> None:
    payload = made_payload(uuid4(), instances=1)
    (instance,) = payload.instances
    assert verified_line(payload) == "1 instance, 525 KB, of 1 study: verified"
    other = instance.model_copy(update={"study_instance_uid": "1.2.9"})
    two = payload.model_copy(update={"instances": (instance, other)})
    assert verified_line(two).endswith("of 2 studies: verified")
    assert verified_line(with_resource(payload)).startswith("1 instance and 1 resource, ")
    assert ", of " not in verified_line(with_resource(payload).model_copy(update={"instances": ()}))


def test_what_was_stored_before_is_told() -> None:
    payload = with_resource(made_payload(uuid4(), instances=1))
    line = stored_line(payload, "bucket/prefix/", objects_sent=1)
    assert line == "1 instance and 1 resource stored below bucket/prefix/: 1 object sent, 2 were there before"


def test_the_message_is_named() -> None:
    payload = made_payload(uuid4(), instances=1)
    assert announced_line(payload) == f"announced as md.workflow.request, message {payload.message_id}"
