"""The bucket: who may read it, how long it keeps, which pages may fetch from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.settings import read_json

if TYPE_CHECKING:
    from infra.settings import Settings


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


def differences(actual: dict[str, Any], settings: Settings) -> list[str]:
    """What of the bucket, as the Storage API describes it, is not as it should be."""
    access = actual.get("iamConfiguration", {})
    faults = []
    if not access.get("uniformBucketLevelAccess", {}).get("enabled"):
        faults.append("single objects can have access rules of their own")
    if access.get("publicAccessPrevention") != "enforced":
        faults.append("public access is not prevented")
    if _canonical(actual.get("lifecycle", {}).get("rule", [])) != _canonical(lifecycle(settings)["rule"]):
        faults.append("the lifecycle rules are others")
    if _canonical(actual.get("cors", [])) != _canonical(cors(settings)):
        faults.append("the CORS rules are others")
    return faults


def _canonical(rules: list[Any]) -> list[str]:
    return sorted(json.dumps(rule, sort_keys=True) for rule in rules)
