"""Request headers that callers may not choose, because Cloud Tasks or HTTP itself sets them."""

from __future__ import annotations

from typing import Final

HTTP_USER_AGENT: Final = "Google-Cloud-Tasks"
APP_ENGINE_USER_AGENT: Final = "AppEngine-Google; (+http://code.google.com/appengine)"

_GOOGLE = ("x-google-", "x-appengine-", "x-cloudtasks-")
_COMPUTED = frozenset({"host", "content-length"})
# These would contradict the framing that the HTTP client chooses for the message.
_CONNECTION = frozenset({"connection", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "expect"})


def task_may_set(header: str) -> bool:
    """Whether a task's own header is kept; the user agent is, because App Engine tasks may add to it."""
    lower = header.lower()
    return lower not in _COMPUTED and lower not in _CONNECTION and not lower.startswith(_GOOGLE)


def queue_may_set(header: str) -> bool:
    """Whether a queue's header override is kept."""
    return task_may_set(header) and header.lower() != "user-agent"
