"""IAM policies of queues, locations, and the unsupported encryption settings."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from google.cloud.location import locations_pb2  # type: ignore[import-untyped]  # ships no types
from google.iam.v1 import iam_policy_pb2, policy_pb2

from emulators.cloud_tasks.methods.paging import limit_page_size, make_page_token, read_page_token
from emulators.cloud_tasks.wire import names
from emulators.cloud_tasks.wire.errors import ApiError, Code, bad_resource, entity_missing, not_supported

if TYPE_CHECKING:
    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.queues.registry import Registry
    from emulators.cloud_tasks.wire.protos import CmekConfig, GetCmekConfigRequest, UpdateCmekConfigRequest

_NO_POLICY_ETAG = b"\x00 \x01"
_MAX_PER_PAGE = 100
_LOCATION_IDS = (
    "africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2 "
    "asia-southeast1 asia-southeast2 australia-southeast1 australia-southeast2 europe-central2 europe-north1 "
    "europe-southwest1 europe-west1 europe-west10 europe-west12 europe-west2 europe-west3 europe-west4 "
    "europe-west6 europe-west8 europe-west9 me-central1 me-central2 me-west1 northamerica-northeast1 "
    "northamerica-northeast2 southamerica-east1 southamerica-west1 us-central1 us-east1 us-east4 us-east5 "
    "us-south1 us-west1 us-west2 us-west3 us-west4 "
)
_LOCATIONS = _LOCATION_IDS.split()


class PolicyMethods:
    """GetIamPolicy, SetIamPolicy and TestIamPermissions: policies are stored, never enforced."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._policies: dict[str, policy_pb2.Policy] = {}

    def get(self, request: iam_policy_pb2.GetIamPolicyRequest) -> policy_pb2.Policy:
        """Get a queue's policy; an empty one if none was set."""
        self._check(request.resource)
        return self._policies.get(request.resource, policy_pb2.Policy(etag=_NO_POLICY_ETAG))

    def set(self, request: iam_policy_pb2.SetIamPolicyRequest) -> policy_pb2.Policy:
        """Replace a queue's policy; raises ApiError if it has changed since the caller read it."""
        self._check(request.resource)
        stored = self._policies.get(request.resource, policy_pb2.Policy(etag=_NO_POLICY_ETAG))
        if request.policy.etag and request.policy.etag != stored.etag:
            raise ApiError(
                Code.ABORTED,
                "There were concurrent policy changes. Please retry the whole read-modify-write.",
            )
        policy = policy_pb2.Policy()
        policy.CopyFrom(request.policy)
        policy.etag = hashlib.sha256(stored.etag + policy.SerializeToString(deterministic=True)).digest()[:8]
        self._policies[request.resource] = policy
        return policy

    def test(self, request: iam_policy_pb2.TestIamPermissionsRequest) -> iam_policy_pb2.TestIamPermissionsResponse:
        """Grant every requested permission; none if the queue does not exist."""
        names.parse_queue(request.resource)
        exists = self._registry.get(request.resource) is not None
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=request.permissions if exists else [])

    def clear(self) -> None:
        """Delete every policy."""
        self._policies.clear()

    def _check(self, resource: str) -> None:
        names.parse_queue(resource)
        if self._registry.get(resource) is None:
            # A new queue under the same name must not inherit the old policy.
            self._policies.pop(resource, None)
            raise entity_missing()


class LocationMethods:
    """ListLocations and GetLocation: the regions of the real service, though any name works for a queue."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def list(self, request: locations_pb2.ListLocationsRequest) -> locations_pb2.ListLocationsResponse:
        """The regions, in alphabetical order."""
        if not request.name.startswith("projects/") or request.name.count("/") != 1:
            raise bad_resource()
        now, what = self._clock.now(), f"locations {request.name}"
        after = read_page_token(request.page_token, what, now) if request.page_token else ""
        size = limit_page_size(request.page_size, _MAX_PER_PAGE)
        page = [location for location in _LOCATIONS if location > after][: size + 1]
        token = make_page_token(what, page[size - 1], now) if len(page) > size else ""
        locations = [_location(f"{request.name}/locations/{location}") for location in page[:size]]
        return locations_pb2.ListLocationsResponse(locations=locations, next_page_token=token)

    def get(self, request: locations_pb2.GetLocationRequest) -> locations_pb2.Location:
        """One region."""
        return _location(names.parse_location(request.name))


def _location(name: str) -> locations_pb2.Location:
    location_id = name.rpartition("/")[2]
    return locations_pb2.Location(
        name=name, location_id=location_id, labels={"cloud.googleapis.com/region": location_id}
    )


def get_cmek_config(_request: GetCmekConfigRequest) -> CmekConfig:
    """Raise ApiError: nothing is encrypted here."""
    raise not_supported("This emulator keeps tasks in memory and has no customer-managed encryption keys.")


def update_cmek_config(_request: UpdateCmekConfigRequest) -> CmekConfig:
    """Raise ApiError: nothing is encrypted here."""
    raise not_supported("This emulator keeps tasks in memory and has no customer-managed encryption keys.")
