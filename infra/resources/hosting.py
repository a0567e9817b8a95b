"""Firebase Hosting's configuration for this deployment: the page, and the API on the same origin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.settings import ROOT, fill

if TYPE_CHECKING:
    from infra.settings import Settings


def configuration(settings: Settings) -> dict[str, Any]:
    """infra/firebase.json with this deployment's names in it."""
    template = (ROOT / "infra/firebase.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(fill(template, settings.values))
    return content
