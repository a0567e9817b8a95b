"""The server under the framework, gunicorn: the one setting of it that the framework leaves alone and we need."""

from __future__ import annotations

import gunicorn.config

#: Seconds for which an idle connection stays open. Google's front ends keep theirs for 600, and who asks must be the
#: first to close: a request that goes into a closing connection is lost.
KEEP_ALIVE_SECONDS = 620


def keep_connections() -> None:
    """Keep idle connections longer than those who ask do; call this before the framework starts its server."""
    gunicorn.config.Keepalive.default = KEEP_ALIVE_SECONDS
