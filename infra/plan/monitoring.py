"""The log-based metrics, alert policies and dashboard of infra/monitoring, for this deployment.

What is there is found again by its name (metrics) or its display name, which begins with the deployment's.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from infra.plan.settings import ROOT, Settings, filled

Json = dict[str, Any]
FOLDER = ROOT / "infra/monitoring"


def wanted(settings: Settings, channel: str) -> list[tuple[str, str, Json]]:
    """What there should be: its kind, its file's name, its content; metrics come first."""
    files = [*sorted(FOLDER.glob("metrics/*.json")), *sorted(FOLDER.glob("policies/*.json")), FOLDER / "dashboard.json"]
    kinds = {"metrics": "metric", "policies": "policy", "monitoring": "dashboard"}
    found = []
    for file in files:
        kind, content = kinds[file.parent.name], json.loads(filled(file.read_text(encoding="utf-8"), settings.values))
        if kind == "policy":
            content["notificationChannels"] = [channel] if channel else []
        found.append((kind, file.name, content))
    return found


def key(kind: str, content: Json) -> str:
    """By what one of this kind is found again."""
    name: str = content["name" if kind == "metric" else "displayName"]
    return name


def contains(there: Any, part: Any) -> bool:
    """Whether all of `part` is there; Google adds fields of its own, and leaves out empty ones."""
    if isinstance(part, dict):
        return isinstance(there, dict) and all(contains(there.get(name), one) for name, one in part.items())
    if isinstance(part, list):
        same_length = len(there or []) == len(part)
        return same_length and all(contains(one, other) for one, other in zip(there or [], part, strict=True))
    return bool(there == part) or (there is None and not part)


def write(folder: Path, settings: Settings) -> list[tuple[str, str, str, str]]:
    """What to do: kind, create or update, the name to update, the file (put into `folder`) with the content."""
    steps = []
    for kind, file, content in wanted(settings, os.environ.get("CHANNEL", "")):
        there = _listed(folder, kind).get(key(kind, content))
        if there and contains(there, content):
            continue
        path = folder / f"{kind}-{file}"
        path.write_text(json.dumps(content | _identity(kind, there)), encoding="utf-8")
        verb = "update" if there else "create"
        name = key(kind, content) if kind == "metric" else (there or {}).get("name", "-")
        steps.append((kind, verb, name, str(path)))
    return steps


def remove(folder: Path, settings: Settings) -> list[tuple[str, str]]:
    """What to delete: kind and name, policies before the metrics they are on."""
    names = [(kind, key(kind, content)) for kind, _, content in reversed(wanted(settings, ""))]
    there = {kind: _listed(folder, kind) for kind in ("metric", "policy", "dashboard")}
    return [(kind, there[kind][name]["name"]) for kind, name in names if name in there[kind]]


def _identity(kind: str, there: Json | None) -> Json:
    # A dashboard is replaced only by somebody who has seen its present state.
    return {"etag": there["etag"], "name": there["name"]} if there and kind == "dashboard" else {}


def _listed(folder: Path, kind: str) -> dict[str, Json]:
    plural = {"metric": "metrics", "policy": "policies", "dashboard": "dashboards"}[kind]
    found: list[Json] = json.loads((folder / f"{plural}.json").read_text(encoding="utf-8"))
    return {key(kind, one): one for one in found}


def main() -> int:
    """`write FOLDER` or `remove FOLDER`, where gcloud's lists are: print the steps, tab-separated."""
    verb, folder, settings = sys.argv[1], Path(sys.argv[2]), Settings.from_env()
    steps = write(folder, settings) if verb == "write" else remove(folder, settings)
    sys.stdout.writelines("\t".join(step) + "\n" for step in steps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
