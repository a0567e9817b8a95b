"""Reserved request headers: Cloud Tasks or HTTP itself sets them, not the caller."""

from __future__ import annotations

from typing import Final

HTTP_USER_AGENT: Final = "Google-Cloud-Tasks"
APP_ENGINE_USER_AGENT: Final = "AppEngine-Google; (+http://code.google.com/appengine)"

_GOOGLE = ("x-google-", "x-appengine-", "x-cloudtasks-")
_COMPUTED = frozenset({"host", "content-length"})
# These could contradict the HTTP client's framing of the message.
_CONNECTION = frozenset({"connection", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "expect"})


def task_may_set(header: str) -> bool:
    """Whether a task may set the header; it may set the user agent, because App Engine tasks may add to it."""
    lower = header.lower()
    return lower not in _COMPUTED and lower not in _CONNECTION and not lower.startswith(_GOOGLE)


def queue_may_set(header: str) -> bool:
    """Whether a queue's override may set the header."""
    return task_may_set(header) and header.lower() != "user-agent"
