"""Page tokens: opaque to the caller, and worthless after two hours."""

from __future__ import annotations

import base64
import binascii
import json

from emulators.cloud_tasks.wire.errors import ApiError, invalid

_LIFETIME_S = 2 * 3600


def page_token(what: str, last: str, now: float) -> str:
    """A token that continues the listing of `what` (parent, filter) after the item `last`."""
    return base64.urlsafe_b64encode(json.dumps([what, last, now]).encode()).decode()


def last_seen(token: str, what: str, now: float) -> str:
    """The item after which a listing goes on; raises ApiError for a token of another listing or an old one."""
    try:
        token_what, last, issued = json.loads(base64.urlsafe_b64decode(token.encode()))
        if token_what != what or float(issued) + _LIFETIME_S < now:
            raise _bad_token()
        return str(last)
    except (ValueError, TypeError, binascii.Error):
        raise _bad_token() from None


def page_size(wanted: int, most: int) -> int:
    """How many items to answer with: the wanted number, `most` if it is missing or larger."""
    if wanted < 0:
        raise invalid("The page size cannot be negative.")
    return min(wanted or most, most)


def _bad_token() -> ApiError:
    return invalid("The page token is not valid for this request, or has expired.")
