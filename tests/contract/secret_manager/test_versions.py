"""Versions: adding, accessing and moving them between states with Google's client."""

from __future__ import annotations

from typing import Any

import google_crc32c
import pytest
from google.api_core import exceptions
from google.cloud import secretmanager_v1

Client = secretmanager_v1.SecretManagerServiceClient
Payload = secretmanager_v1.SecretPayload
State = secretmanager_v1.SecretVersion.State


def test_versions_are_numbered_from_one_and_give_their_data_back(client: Client, secret: str) -> None:
    first = client.add_secret_version(parent=secret, payload=Payload(data=b"one"))
    second = client.add_secret_version(parent=secret, payload=Payload(data=b"two"))

    assert [first.name, second.name] == [f"{secret}/versions/1", f"{secret}/versions/2"]
    assert client.access_secret_version(name=first.name).payload.data == b"one"
    assert client.access_secret_version(name=second.name).payload.data == b"two"


def test_an_answer_carries_the_checksum_of_the_data(client: Client, secret: str) -> None:
    version = client.add_secret_version(parent=secret, payload=Payload(data=b"\x00\xff"))

    payload = client.access_secret_version(name=version.name).payload

    assert payload.data_crc32c == google_crc32c.value(b"\x00\xff")


def test_a_right_checksum_is_noted_and_a_wrong_one_refused(client: Client, secret: str) -> None:
    checksum = google_crc32c.value(b"one")

    noted = client.add_secret_version(parent=secret, payload=Payload(data=b"one", data_crc32c=checksum))

    assert noted.client_specified_payload_checksum
    with pytest.raises(exceptions.InvalidArgument, match="checksum"):
        client.add_secret_version(parent=secret, payload=Payload(data=b"two", data_crc32c=checksum))
    assert len(list(client.list_secret_versions(parent=secret))) == 1


def test_a_checksum_of_zero_is_still_a_checksum(client: Client, secret: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="checksum"):
        client.add_secret_version(parent=secret, payload=Payload(data=b"one", data_crc32c=0))


@pytest.mark.parametrize(("size", "accepted"), [(0, False), (1, True), (65_536, True), (65_537, False)])
def test_a_payload_has_one_byte_to_64_kibibytes(client: Client, secret: str, size: int, accepted: bool) -> None:  # noqa: FBT001 - a table
    payload = Payload(data=b"x" * size)

    if accepted:
        client.add_secret_version(parent=secret, payload=payload)
    else:
        with pytest.raises(exceptions.InvalidArgument, match="payload"):
            client.add_secret_version(parent=secret, payload=payload)


def test_latest_is_the_most_recently_created_version(client: Client, secret: str) -> None:
    client.add_secret_version(parent=secret, payload=Payload(data=b"one"))
    client.add_secret_version(parent=secret, payload=Payload(data=b"two"))

    answer = client.access_secret_version(name=f"{secret}/versions/latest")

    assert answer.name == f"{secret}/versions/2"
    assert answer.payload.data == b"two"


def test_latest_does_not_fall_back_to_an_older_enabled_version(client: Client, secret: str) -> None:
    client.add_secret_version(parent=secret, payload=Payload(data=b"one"))
    newest = client.add_secret_version(parent=secret, payload=Payload(data=b"two"))
    client.disable_secret_version(name=newest.name)

    with pytest.raises(exceptions.FailedPrecondition, match=r"versions/2\] is in DISABLED state"):
        client.access_secret_version(name=f"{secret}/versions/latest")

    assert client.get_secret_version(name=f"{secret}/versions/latest").state == State.DISABLED


def test_a_disabled_version_can_be_enabled_again(client: Client, secret: str) -> None:
    version = client.add_secret_version(parent=secret, payload=Payload(data=b"one"))

    disabled = client.disable_secret_version(name=version.name)
    enabled = client.enable_secret_version(name=version.name)

    assert [disabled.state, enabled.state] == [State.DISABLED, State.ENABLED]
    assert client.access_secret_version(name=version.name).payload.data == b"one"


def test_a_destroyed_version_never_comes_back(client: Client, secret: str) -> None:
    version = client.add_secret_version(parent=secret, payload=Payload(data=b"one"))

    destroyed = client.destroy_secret_version(name=version.name)

    assert destroyed.state == State.DESTROYED
    assert "destroy_time" in destroyed
    calls: list[Any] = [
        client.access_secret_version,
        client.enable_secret_version,
        client.disable_secret_version,
        client.destroy_secret_version,
    ]
    for call in calls:
        with pytest.raises(exceptions.FailedPrecondition, match="is in DESTROYED state"):
            call(name=version.name)
    assert client.add_secret_version(parent=secret, payload=Payload(data=b"two")).name.endswith("/2")


def test_a_move_with_an_old_etag_is_refused(client: Client, secret: str) -> None:
    version = client.add_secret_version(parent=secret, payload=Payload(data=b"one"))
    moved = client.disable_secret_version(request={"name": version.name, "etag": version.etag})

    with pytest.raises(exceptions.FailedPrecondition, match="etag"):
        client.enable_secret_version(request={"name": version.name, "etag": version.etag})

    client.enable_secret_version(request={"name": version.name, "etag": moved.etag})


def test_versions_are_listed_newest_first_by_pages(client: Client, secret: str) -> None:
    for number in range(3):
        client.add_secret_version(parent=secret, payload=Payload(data=bytes([number])))

    pages = list(client.list_secret_versions(request={"parent": secret, "page_size": 2}).pages)

    assert [[version.name[-1] for version in page.versions] for page in pages] == [["3", "2"], ["1"]]


@pytest.mark.parametrize("version", ["latest", "1"])
def test_a_secret_without_versions_is_not_found(client: Client, secret: str, version: str) -> None:
    with pytest.raises(exceptions.NotFound, match=r"Secret \[.*\] not found or has no versions\."):
        client.access_secret_version(name=f"{secret}/versions/{version}")


def test_a_version_of_a_missing_secret_is_not_found(client: Client, project: str) -> None:
    with pytest.raises(exceptions.NotFound, match=r"Secret \[.*\] not found or has no versions\."):
        client.access_secret_version(name=f"{project}/secrets/none/versions/latest")


def test_a_missing_version_is_not_found(client: Client, secret: str) -> None:
    client.add_secret_version(parent=secret, payload=Payload(data=b"one"))

    with pytest.raises(exceptions.NotFound, match=r"Secret Version \[.*/versions/7\] not found\."):
        client.access_secret_version(name=f"{secret}/versions/7")


def test_a_version_of_a_missing_secret_cannot_be_added(client: Client, project: str) -> None:
    with pytest.raises(exceptions.NotFound):
        client.add_secret_version(parent=f"{project}/secrets/none", payload=Payload(data=b"one"))


@pytest.mark.parametrize("version", ["", "0", "newest", "-1", "1/2"])
def test_an_odd_version_is_invalid(client: Client, secret: str, version: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="does not have the form"):
        client.access_secret_version(name=f"{secret}/versions/{version}")


def test_only_reading_takes_latest(client: Client, secret: str) -> None:
    client.add_secret_version(parent=secret, payload=Payload(data=b"one"))

    with pytest.raises(exceptions.InvalidArgument):
        client.destroy_secret_version(name=f"{secret}/versions/latest")
