"""Secrets: creating, reading, listing and deleting them with Google's client."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.api_core import exceptions
from google.cloud import secretmanager_v1

Client = secretmanager_v1.SecretManagerServiceClient
Payload = secretmanager_v1.SecretPayload
Secret = secretmanager_v1.Secret
AUTOMATIC = secretmanager_v1.Replication(automatic={})


def test_a_created_secret_can_be_read_back(client: Client, project: str) -> None:
    wanted = Secret(replication=AUTOMATIC, labels={"for": "tests"}, annotations={"note": "kept"})

    created = client.create_secret(parent=project, secret_id="key", secret=wanted)

    assert created.name == f"{project}/secrets/key"
    assert created.labels == {"for": "tests"}
    assert created.annotations == {"note": "kept"}
    assert client.get_secret(name=created.name) == created


def test_a_second_secret_of_the_same_name_already_exists(client: Client, project: str, secret: str) -> None:
    with pytest.raises(exceptions.AlreadyExists, match="already exists"):
        client.create_secret(parent=project, secret_id="key", secret=Secret(replication=AUTOMATIC))

    assert client.get_secret(name=secret).name == secret


def test_a_missing_secret_is_not_found(client: Client, project: str) -> None:
    with pytest.raises(exceptions.NotFound, match="not found"):
        client.get_secret(name=f"{project}/secrets/none")


def test_secrets_are_listed_newest_first_by_pages_and_by_project(client: Client, project: str) -> None:
    for number in range(5):
        client.create_secret(parent=project, secret_id=f"s{number}", secret=Secret(replication=AUTOMATIC))
    client.create_secret(parent=f"{project}0", secret_id="of-another-project", secret=Secret(replication=AUTOMATIC))

    pages = list(client.list_secrets(request={"parent": project, "page_size": 2}).pages)

    assert [[secret.name[-2:] for secret in page.secrets] for page in pages] == [["s4", "s3"], ["s2", "s1"], ["s0"]]
    assert pages[0].total_size == 5


def test_a_deleted_secret_is_gone_and_its_name_is_free(client: Client, project: str, secret: str) -> None:
    client.add_secret_version(parent=secret, payload=Payload(data=b"old"))

    client.delete_secret(name=secret)

    with pytest.raises(exceptions.NotFound):
        client.get_secret(name=secret)
    client.create_secret(parent=project, secret_id="key", secret=Secret(replication=AUTOMATIC))
    assert list(client.list_secret_versions(parent=secret)) == []


def test_a_delete_with_an_old_etag_is_refused(client: Client, secret: str) -> None:
    with pytest.raises(exceptions.FailedPrecondition, match="etag"):
        client.delete_secret(request={"name": secret, "etag": '"old"'})

    client.delete_secret(request={"name": secret, "etag": client.get_secret(name=secret).etag})


@pytest.mark.parametrize("secret_id", ["", "with space", "a/b", "ü", "x" * 256])
def test_an_odd_secret_id_is_invalid(client: Client, project: str, secret_id: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="secret ID"):
        client.create_secret(parent=project, secret_id=secret_id, secret=Secret(replication=AUTOMATIC))


@pytest.mark.parametrize("name", ["", "key", "projects/p", "projects/p/secrets/", "projects/p/secrets/a/b"])
def test_an_odd_name_is_invalid(client: Client, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="does not have the form"):
        client.get_secret(name=name)


def test_a_secret_without_replication_is_invalid(client: Client, project: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="replication"):
        client.create_secret(parent=project, secret_id="key", secret=Secret())


@pytest.mark.parametrize(
    "wanted",
    [Secret(replication=AUTOMATIC, ttl={"seconds": 60}), Secret(replication=AUTOMATIC, version_aliases={"live": 1})],
    ids=["ttl", "aliases"],
)
def test_what_is_not_kept_is_refused_instead_of_ignored(client: Client, project: str, wanted: Secret) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="nothing else"):
        client.create_secret(parent=project, secret_id="key", secret=wanted)


def test_regional_secrets_are_refused_in_a_sentence(client: Client) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="regional"):
        client.get_secret(name="projects/p/locations/europe-west1/secrets/key")


def test_filters_are_refused_in_a_sentence(client: Client, project: str) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="filters"):
        client.list_secrets(request={"parent": project, "filter": "name:key"})


def test_every_other_method_is_refused_in_a_sentence(client: Client, secret: str) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match=r"does not offer .*UpdateSecret"):
        client.update_secret(request={"secret": {"name": secret}, "update_mask": {"paths": ["labels"]}})
    with pytest.raises(exceptions.MethodNotImplemented, match=r"does not offer .*GetIamPolicy"):
        client.get_iam_policy(request={"resource": secret})


@pytest.mark.usefixtures("client")
def test_a_busy_port_ends_the_program_with_one_sentence(secret_manager_host: str) -> None:
    port = secret_manager_host.partition(":")[2]
    second = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "emulators.secret_manager", "--port", port],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr.count("\n") == 1
    assert port in second.stderr
