"""The public keys of a token issuer: fetched when the first token comes, kept as long as the answer allows.

the first token, or keys grown old ──┐
a key id that nobody knows ──────────┴──► one fetch, however many ask; the next one only after a pause
                                            ├ answered ─► the new keys
                                            └ failed ───► the old ones, for STALE_SECONDS more
"""

from __future__ import annotations

import http.client
import json
import math
import re
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from imagefactory import log
from imagefactory.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message

ALGORITHM = "RS256"
#: Seconds for which fetched keys are fresh: without a word from the issuer, and whatever it says.
DEFAULT_FRESH_SECONDS, MIN_FRESH_SECONDS, MAX_FRESH_SECONDS = 600, 60, 21_600
#: Seconds after that for which they are still used while none can be fetched.
STALE_SECONDS = 3600
#: Seconds from one fetch to the next: after a good one, and after one that failed.
PAUSE_SECONDS, RETRY_SECONDS = 30, 5
FETCH_SECONDS = 5
MAX_BYTES = 256 * 1024
KEY_BITS = range(2048, 8192 + 1)

_MAX_AGE = re.compile(r"\bmax-age=\"?(\d{1,9})\b", re.IGNORECASE)
_UNCACHED = re.compile(r"\bno-(store|cache)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Known:
    """What one fetch brought: keys by their ids, and until when they are fresh."""

    keys: Mapping[str, jwt.PyJWK]
    fresh_until: float


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The settings say where the keys are, and nobody else does."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow none: the answer stays the error that it is."""


class JwksCache:
    """The keys at `url`, a JWK set. One object serves all threads of a process; `monotonic` tells seconds."""

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._monotonic = monotonic
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._fetching = threading.Lock()
        self._known = _Known({}, -math.inf)
        self._next_fetch = -math.inf

    def key(self, key_id: str) -> jwt.PyJWK | None:
        """The key of this id; None when the issuer has no such key.

        Raises:
            Unavailable: that cannot be told, since there are no keys or only old ones.
        """
        known = self._known
        if key_id not in known.keys or self._monotonic() >= known.fresh_until:
            known = self._refresh(known, key_id)
            if self._is_too_old(known, key_id):
                raise Unavailable("the issuer's keys cannot be fetched")
        return known.keys.get(key_id)

    def _is_too_old(self, known: _Known, key_id: str) -> bool:
        """Whether the keys are too old: known ids stay valid for `STALE_SECONDS` longer than unknown ones."""
        longer = STALE_SECONDS if key_id in known.keys else 0
        return self._monotonic() >= known.fresh_until + longer

    def _refresh(self, known: _Known, key_id: str) -> _Known:
        """The keys after a fetch, by this thread or by another; the same ones where none is due or it failed."""
        # Whose key is known need not wait for the fetch of somebody else.
        has_to_wait = key_id not in known.keys or self._is_too_old(known, key_id)
        if not self._fetching.acquire(blocking=has_to_wait):
            return known
        try:
            if self._known is known and self._monotonic() >= self._next_fetch:
                self._fetch()
            return self._known
        finally:
            self._fetching.release()

    def _fetch(self) -> None:
        pause = PAUSE_SECONDS
        try:
            keys, seconds = self._answer()
            self._known = _Known(keys, self._monotonic() + seconds)
        except (OSError, ValueError, RecursionError, http.client.HTTPException) as failed:
            if isinstance(failed, urllib.error.HTTPError):
                failed.close()
            log.warning("the issuer's keys cannot be fetched", exception=type(failed).__name__)
            pause = RETRY_SECONDS
        self._next_fetch = self._monotonic() + pause

    def _answer(self) -> tuple[dict[str, jwt.PyJWK], int]:
        """Ask the issuer: its usable keys, and for how many seconds they are fresh."""
        ends = self._monotonic() + FETCH_SECONDS
        body = b""
        with self._opener.open(self._url, timeout=FETCH_SECONDS) as answer:
            # The timeout is for each piece; an issuer that drips would outlast it.
            while piece := answer.read1(MAX_BYTES):
                body += piece
                if len(body) > MAX_BYTES or self._monotonic() > ends:
                    raise ValueError("the key set is too long, or too slow")
            seconds = _freshness(answer.headers)
        return _keys_of(json.loads(body)), seconds


def _freshness(headers: Message) -> int:
    """Seconds for which an answer may be used, as its headers say, within our bounds."""
    control = str(headers.get("Cache-Control", ""))
    if _UNCACHED.search(control):
        return MIN_FRESH_SECONDS
    match = _MAX_AGE.search(control)
    if match is None:
        return DEFAULT_FRESH_SECONDS
    age = str(headers.get("Age", ""))
    spent = int(age) if re.fullmatch(r"[0-9]{1,9}", age) else 0
    return min(max(int(match[1]) - spent, MIN_FRESH_SECONDS), MAX_FRESH_SECONDS)


def _keys_of(answer: Any) -> dict[str, jwt.PyJWK]:
    """The keys in a JWK set with which tokens may be signed here; any other is not for us.

    Raises:
        ValueError: it is no JWK set, or has no such key.
    """
    entries = answer.get("keys") if isinstance(answer, dict) else None
    keys: dict[str, jwt.PyJWK] = {}
    for entry in entries if isinstance(entries, list) else ():
        if _is_usable(entry) and (key := _parse_key(entry)):
            keys.setdefault(entry["kid"], key)
    if not keys:
        raise ValueError("there is no usable key")
    return keys


def _is_usable(entry: Any) -> bool:
    """Whether this describes an RSA key for signatures, with an id, and the public half alone."""
    return (
        isinstance(entry, dict)
        and entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", ALGORITHM) == ALGORITHM
        and isinstance(entry.get("kid"), str)
        and "d" not in entry
    )


def _parse_key(entry: dict[str, Any]) -> jwt.PyJWK | None:
    try:
        key = jwt.PyJWK(entry, ALGORITHM)
    except jwt.PyJWTError:
        return None
    return key if key.key.key_size in KEY_BITS else None
