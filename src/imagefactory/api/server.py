"""gunicorn under the framework, which hands none of these settings on: their defaults are set before it reads them."""

from __future__ import annotations

from gunicorn.config import ForwardedAllowIPS, Keepalive

#: Seconds for which an idle connection stays open. Google's front ends keep theirs for 600, and who asks must be the
#: first to close: a request that goes into a closing connection is lost.
KEEP_ALIVE_SECONDS = 620


def configure_server() -> None:
    """Keep idle connections longer than those who ask do, and trust no proxy's headers.

    gunicorn takes everybody on its own machine for one, and lets a proxy say in `SCRIPT_NAME` where paths begin: a path
    that begins elsewhere would end in a 500.
    """
    Keepalive.default = KEEP_ALIVE_SECONDS
    ForwardedAllowIPS.default = ""
