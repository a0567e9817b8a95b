"""Adds an encryption key, and disables the versions that no open execution needs, which can be undone.

New executions use the new key within a minute; open ones keep the key they were encrypted with.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.console import say, warn
from infra.resources import keys
from infra.rest import RestError
from infra.steps import add_key_version
from infra.stop import Stop

if TYPE_CHECKING:
    from infra.gcloud import Gcloud
    from infra.settings import Settings


def run(settings: Settings, gcloud: Gcloud) -> None:
    """Add a key, then sweep."""
    version = add_key_version(gcloud, settings)
    say(f"Version {version} of {settings['KEY_SECRET']} is the key of new executions, at the latest in a minute.")
    sweep(settings, gcloud)


def sweep(settings: Settings, gcloud: Gcloud) -> None:
    """Disable the versions that nothing needs, and say why the others stay."""
    name = settings["KEY_SECRET"]
    versions = gcloud.read_json("secrets", "versions", "list", name, "--filter=state=ENABLED")
    try:
        in_use = keys.versions_in_use(settings, gcloud.firestore())
    except RestError as error:
        message = "which keys are still needed could not be found out; none was disabled."
        raise Stop(message, str(error)) from error
    free, kept = keys.unneeded_versions(versions, in_use, datetime.now(UTC))
    for sentence in kept:
        warn(sentence)
    for version in free:
        gcloud.change("secrets", "versions", "disable", version, f"--secret={name}")
        say(f"Version {version} is disabled: nothing needs it.")
