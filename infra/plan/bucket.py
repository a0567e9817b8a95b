"""The bucket: who may read it, how long it keeps, which pages may fetch from it."""

from __future__ import annotations

import json
import sys
from typing import Any

from infra.plan.settings import DIFFERS, Settings, read_json


def lifecycle(settings: Settings) -> dict[str, Any]:
    """The lifecycle rules of infra/lifecycle.json, with the days of RETENTION_DAYS."""
    rules: dict[str, Any] = read_json("infra/lifecycle.json")
    for rule in rules["rule"]:
        if rule["condition"]["age"] == "${RETENTION_DAYS}":
            rule["condition"]["age"] = int(settings["RETENTION_DAYS"])
    return rules


def cors(settings: Settings) -> list[dict[str, Any]]:
    """The rules of infra/cors.json for the origins of CORS_ORIGINS; none when there are no origins."""
    rules: list[dict[str, Any]] = read_json("infra/cors.json")
    return [rule | {"origin": settings.origins} for rule in rules] if settings.origins else []


def differences(described: dict[str, Any], settings: Settings) -> list[str]:
    """What of the bucket, as the Storage API describes it, is not as it should be."""
    access = described.get("iamConfiguration", {})
    found = []
    if not access.get("uniformBucketLevelAccess", {}).get("enabled"):
        found.append("single objects can have access rules of their own")
    if access.get("publicAccessPrevention") != "enforced":
        found.append("public access is not prevented")
    if _canonical(described.get("lifecycle", {}).get("rule", [])) != _canonical(lifecycle(settings)["rule"]):
        found.append("the lifecycle rules are others")
    if _canonical(described.get("cors", [])) != _canonical(cors(settings)):
        found.append("the CORS rules are others")
    return found


def _canonical(rules: list[Any]) -> list[str]:
    return sorted(json.dumps(rule, sort_keys=True) for rule in rules)


def main() -> int:
    """`lifecycle` and `cors` print the rules; `differs` reads a description and exits with 3 when it is not so."""
    settings = Settings.from_env()
    if sys.argv[1] == "differs":
        return DIFFERS if differences(json.load(sys.stdin), settings) else 0
    sys.stdout.write(json.dumps(lifecycle(settings) if sys.argv[1] == "lifecycle" else cors(settings), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
