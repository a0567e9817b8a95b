from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.adapters import firestore
from imagefactory.testing import an_execution

if TYPE_CHECKING:
    import pytest


def test_a_process_has_one_client_for_each_database(firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "contract-client")
    firestore.client.cache_clear()

    client = firestore.client("contract-client", "(default)")

    assert firestore.client("contract-client", "(default)") is client
    assert firestore.FirestoreReservations(client).reserve(an_execution()).is_ours
    client.close()
    firestore.client.cache_clear()
