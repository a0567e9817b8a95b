"""The log-based metrics, alert policies and dashboard of infra/monitoring, for this deployment.

An actual one is recognised by its name (metrics) or its display name, which begins with the deployment's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.settings import ROOT, fill

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings

Json = dict[str, Any]
#: What gcloud lists, by kind.
Listed = Mapping[str, list[Json]]
FOLDER = ROOT / "infra/monitoring"
KINDS = ("metric", "policy", "dashboard")


@dataclass(frozen=True)
class Item:
    """A metric, policy or dashboard.

    `file` is where it is stated; `name` is Google's for it, empty while there is none.
    """

    kind: str
    content: Json
    file: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """By what it is recognised."""
        key: str = self.content["name" if self.kind == "metric" else "displayName"]
        return key


def desired_items(settings: Settings, channel: str) -> list[Item]:
    """What there should be, metrics first; alerts go to the channel, if there is one."""
    policies = [_read("policy", path, settings) for path in sorted(FOLDER.glob("policies/*.json"))]
    channels = {"notificationChannels": [channel] if channel else []}
    return [
        *(_read("metric", path, settings) for path in sorted(FOLDER.glob("metrics/*.json"))),
        *(Item("policy", policy.content | channels, policy.file) for policy in policies),
        _read("dashboard", FOLDER / "dashboard.json", settings),
    ]


def changes(listed: Listed, settings: Settings, channel: str) -> list[Item]:
    """What to create (no `name`) or to update."""
    steps = []
    for item in desired_items(settings, channel):
        actual = _actual(listed, item)
        if actual is None:
            steps.append(item)
        elif not contains(actual, item.content):
            steps.append(Item(item.kind, item.content | _identity(item.kind, actual), item.file, actual["name"]))
    return steps


def removals(listed: Listed, settings: Settings) -> list[Item]:
    """What to delete, policies before the metrics they are on."""
    pairs = [(item, _actual(listed, item)) for item in reversed(desired_items(settings, ""))]
    return [Item(item.kind, item.content, item.file, actual["name"]) for item, actual in pairs if actual]


def contains(actual: Any, part: Any) -> bool:
    """Whether `actual` has all of `part`; Google adds fields of its own, and leaves out empty ones."""
    if isinstance(part, dict):
        return isinstance(actual, dict) and all(contains(actual.get(name), value) for name, value in part.items())
    if isinstance(part, list):
        has_length = len(actual or []) == len(part)
        return has_length and all(contains(*pair) for pair in zip(actual or [], part, strict=True))
    return bool(actual == part) or (actual is None and not part)


def _read(kind: str, path: Path, settings: Settings) -> Item:
    return Item(kind, json.loads(fill(path.read_text(encoding="utf-8"), settings.values)), path.name)


def _actual(listed: Listed, item: Item) -> Json | None:
    return next((content for content in listed[item.kind] if Item(item.kind, content).key == item.key), None)


def _identity(kind: str, actual: Json) -> Json:
    # A dashboard is replaced only by somebody who has seen its present state.
    return {"etag": actual["etag"], "name": actual["name"]} if kind == "dashboard" else {}
