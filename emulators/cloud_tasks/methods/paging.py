"""Page tokens: opaque to the caller, and valid for two hours."""

from __future__ import annotations

import base64
import binascii
import json

from emulators.cloud_tasks.wire.errors import ApiError, invalid

_LIFETIME_S = 2 * 3600


def make_page_token(what: str, last: str, now: float) -> str:
    """Make a token that continues the listing of `what` (parent, filter) after the item `last`."""
    return base64.urlsafe_b64encode(json.dumps([what, last, now]).encode()).decode()


def read_page_token(token: str, what: str, now: float) -> str:
    """Read the item after which the listing continues; raises ApiError for a foreign or old token."""
    try:
        token_what, last, issued = json.loads(base64.urlsafe_b64decode(token.encode()))
        if token_what != what or float(issued) + _LIFETIME_S < now:
            raise _bad_token()
        return str(last)
    except (ValueError, TypeError, binascii.Error):
        raise _bad_token() from None


def limit_page_size(wanted: int, maximum: int) -> int:
    """The number of items on a page: `wanted`, or `maximum` if it is 0 or larger; raises ApiError below 0."""
    if wanted < 0:
        raise invalid("The page size cannot be negative.")
    return min(wanted or maximum, maximum)


def _bad_token() -> ApiError:
    return invalid("The page token is not valid for this request, or has expired.")
