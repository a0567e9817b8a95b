"""A queue's override of its tasks' URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from emulators.cloud_tasks.wire.protos import UriEnforceMode, UriOverride, UriScheme

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def effective_url(url: str, override: UriOverride) -> str:
    """The task's URL with the parts that the queue overrides; an empty override changes nothing."""
    if not override.ByteSize():
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        # Not a URL: the attempt will fail.
        return url
    if override.uri_override_enforce_mode == UriEnforceMode.IF_NOT_EXISTS and parts.netloc:
        return url
    path, query = parts.path, parts.query
    if override.HasField("path_override"):
        path = override.path_override.path
    if override.HasField("query_override"):
        query = override.query_override.query_params
    if path and not path.startswith("/"):
        path = f"/{path}"
    return urlunsplit((_scheme(parts, override), _netloc(parts, override), path, query.removeprefix("?"), ""))


def _scheme(parts: SplitResult, override: UriOverride) -> str:
    if override.HasField("scheme") and override.scheme != UriScheme.SCHEME_UNSPECIFIED:
        return "http" if override.scheme == UriScheme.HTTP else "https"
    return parts.scheme or "https"


def _netloc(parts: SplitResult, override: UriOverride) -> str:
    host = override.host if override.HasField("host") else (parts.hostname or "")
    try:
        port = override.port if override.HasField("port") else parts.port
    except ValueError:
        port = None
    # IPv6 literals lose their brackets when a URL is split.
    host_in_url = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{host_in_url}:{port}" if port else host_in_url
