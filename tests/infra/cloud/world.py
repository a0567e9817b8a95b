"""What Google would know: resources, their policies, uploads, and the requests that brought them about."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

PROJECT = "demo-project"
NUMBER = "123456789012"


class Refused(Exception):
    """An answer with an error status, in Google's shape."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.body: Json = {
            "error": {
                "code": status,
                "status": reason,
                "message": message,
                "errors": [{"reason": reason, "message": message}],
            }
        }


def missing(name: str) -> Refused:
    return Refused(404, "NOT_FOUND", f"Resource {name} was not found.")


@dataclass(frozen=True)
class Call:
    """A request, as a route sees it. `groups` is what the route's pattern caught."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    raw: bytes
    base: str
    groups: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """An answer that is given instead of the real one, as often as `times` says; a refusal, or a body."""

    method: str
    path: str
    answer: Refused | Json
    times: int = 1_000_000

    def hits(self, call: Call) -> bool:
        if self.times > 0 and call.method == self.method and re.search(self.path, call.path):
            self.times -= 1
            return True
        return False


@dataclass
class World:
    """Everything, by full name. `unseen` says how often policies will still refuse an account."""

    resources: dict[str, Json] = field(default_factory=dict)
    policies: dict[str, Json] = field(default_factory=dict)
    documents: dict[str, Json] = field(default_factory=dict)
    batches: dict[str, Json] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    payloads: dict[str, bytes] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    unseen: dict[str, int] = field(default_factory=dict)
    newcomers_hide: int = 1
    requests: list[tuple[Call, int]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    counter: int = 0

    def next(self) -> int:
        self.counter += 1
        return self.counter

    def get(self, name: str) -> Json:
        if name not in self.resources:
            raise missing(name)
        return self.resources[name]

    def create(self, name: str, body: Json) -> Json:
        if name in self.resources:
            raise Refused(409, "ALREADY_EXISTS", f"Resource {name} already exists.")
        self.resources[name] = {**body, "name": name}
        return self.resources[name]

    def delete(self, name: str) -> Json:
        self.policies.pop(name, None)
        self.resources.pop(name) if name in self.resources else self.get(name)
        return {}

    def children(self, prefix: str) -> list[Json]:
        return [one for name, one in self.resources.items() if re.fullmatch(f"{re.escape(prefix)}/[^/]+", name)]

    def policy(self, name: str) -> Json:
        return self.policies.get(name, {"version": 1, "etag": "BwAA"})

    def set_policy(self, name: str, policy: Json) -> Json:
        """Keep the policy, unless another was written since it was read, or it names an account nobody has seen."""
        if policy.get("etag") not in (None, self.policy(name)["etag"]):
            raise Refused(409, "ABORTED", "There were concurrent policy changes. Please retry with the new etag.")
        for binding in policy.get("bindings", []):
            for member in binding["members"]:
                self._look_for(member)
        self.policies[name] = {**policy, "etag": f"Bw{self.next():02d}"}
        return self.policies[name]

    def _look_for(self, member: str) -> None:
        kind, _, email = member.partition(":")
        if kind != "serviceAccount" or not email.endswith(f"@{PROJECT}.iam.gserviceaccount.com"):
            return
        known = f"projects/{PROJECT}/serviceAccounts/{email}" in self.resources
        if not known or self.unseen.get(email, 0) > 0:
            self.unseen[email] = self.unseen.get(email, 0) - 1
            raise Refused(400, "INVALID_ARGUMENT", f"Service account {email} does not exist.")

    def bindings(self) -> set[tuple[str, str, str, str]]:
        """Every right there is: the resource's full name, role, member, condition."""
        return {
            (name, one["role"], member, one.get("condition", {}).get("expression", ""))
            for name, policy in self.policies.items()
            for one in policy.get("bindings", [])
            for member in one["members"]
        }

    def copied(self) -> World:
        """The same world with a past of its own."""
        twin = copy.deepcopy(self)
        twin.requests.clear()
        twin.faults.clear()
        return twin

    def facts(self) -> Json:
        """What a second run must leave as it is: all but the moments and numbers that each write changes."""
        volatile = {"updateTime", "revision", "etag", "source", "uri"}

        def steady(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: steady(one) for key, one in value.items() if key not in volatile}
            return [steady(one) for one in value] if isinstance(value, list) else value

        return {
            "resources": steady(self.resources),
            "bindings": sorted(self.bindings()),
            "documents": steady(self.documents),
            "services": sorted(self.services),
        }
