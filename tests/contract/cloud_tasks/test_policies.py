from __future__ import annotations

from typing import TYPE_CHECKING

from google.iam.v1 import policy_pb2

from tests.contract.cloud_tasks.support import ENTITY_MISSING, LOCATION, raw_refusal, refusal

if TYPE_CHECKING:
    import grpc
    from google.cloud import tasks_v2

    from tests.contract.cloud_tasks.support import Emulator


def enqueuers(etag: bytes = b"") -> policy_pb2.Policy:
    binding = policy_pb2.Binding(role="roles/cloudtasks.enqueuer", members=["user:a@example.com"])
    return policy_pb2.Policy(bindings=[binding], etag=etag)


def test_a_policy_is_kept_and_given_back(client: tasks_v2.CloudTasksClient, queue: str) -> None:
    empty = client.get_iam_policy({"resource": queue})

    stored = client.set_iam_policy({"resource": queue, "policy": enqueuers(empty.etag)})

    assert not empty.bindings
    assert stored.bindings == enqueuers().bindings
    assert client.get_iam_policy({"resource": queue}) == stored


def test_a_policy_changed_in_between_is_not_overwritten(client: tasks_v2.CloudTasksClient, queue: str) -> None:
    old = client.get_iam_policy({"resource": queue})
    client.set_iam_policy({"resource": queue, "policy": enqueuers()})

    code, _ = refusal(client.set_iam_policy, {"resource": queue, "policy": policy_pb2.Policy(etag=old.etag)})

    assert code == "ABORTED"
    assert client.get_iam_policy({"resource": queue}).bindings


def test_the_policy_of_a_missing_queue_is_not_found(client: tasks_v2.CloudTasksClient, emulator: Emulator) -> None:
    missing = {"resource": f"{LOCATION}/queues/none"}
    assert emulator.rest_url

    assert refusal(client.get_iam_policy, missing) == ("NOT_FOUND", ENTITY_MISSING)
    assert refusal(client.set_iam_policy, missing | {"policy": enqueuers()}) == ("NOT_FOUND", ENTITY_MISSING)


def test_everything_is_permitted_on_a_queue_that_exists(client: tasks_v2.CloudTasksClient, queue: str) -> None:
    wanted = ["cloudtasks.tasks.create", "cloudtasks.queues.get"]

    answer = client.test_iam_permissions({"resource": queue, "permissions": wanted})

    assert list(answer.permissions) == wanted


def test_nothing_is_permitted_on_a_queue_that_does_not(client: tasks_v2.CloudTasksClient, emulator: Emulator) -> None:
    missing = f"{LOCATION}/queues/none"
    assert emulator.rest_url

    answer = client.test_iam_permissions({"resource": missing, "permissions": ["cloudtasks.tasks.create"]})

    assert list(answer.permissions) == []


def test_locations_are_listed_and_found(client: tasks_v2.CloudTasksClient, emulator: Emulator) -> None:
    assert emulator.rest_url

    listed = client.list_locations({"name": "projects/demo"})
    one = client.get_location({"name": LOCATION})

    assert one in listed.locations
    assert (one.location_id, one.name) == ("us-central1", LOCATION)


def test_locations_come_in_pages(client: tasks_v2.CloudTasksClient, emulator: Emulator) -> None:
    assert emulator.rest_url
    first = client.list_locations({"name": "projects/demo", "page_size": 7})

    second = client.list_locations({"name": "projects/demo", "page_size": 7, "page_token": first.next_page_token})

    ids = [location.location_id for location in [*first.locations, *second.locations]]
    assert len(ids) == 14
    assert ids == sorted(set(ids))


def test_what_the_emulator_does_not_have_is_refused_with_a_sentence(
    client: tasks_v2.CloudTasksClient, channel: grpc.Channel, emulator: Emulator
) -> None:
    assert emulator.rest_url
    cmek = refusal(client.get_cmek_config, name=f"{LOCATION}/cmekConfig")

    for method in ("tasks.v2.CloudTasks/BufferTask", "tasks.v2beta3.CloudTasks/GetQueue"):
        code, message = raw_refusal(channel, method, b"")
        assert code == "UNIMPLEMENTED"
        assert f"does not have the method google.cloud.{method}" in message

    assert cmek[0] == "UNIMPLEMENTED"
    assert cmek[1].endswith("has no customer-managed encryption keys.")
