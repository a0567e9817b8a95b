"""How long the provider asks to wait before the next attempt, in every spelling that it or a proxy may use."""

from __future__ import annotations

import contextlib
import email.utils
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from imagefactory.adapters.gemini.values import as_number

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The longest duration that protocol buffers have, in seconds; what is longer is no wish but a defect.
MAX_DURATION = 315_576_000_000
#: A date has thirty characters; its reader is not made for thousands.
MAX_DATE_LENGTH = 60

_UNITS = {
    name: seconds
    for names, seconds in (
        ("ns nanosecond nanoseconds", 1e-9),
        ("us microsecond microseconds", 1e-6),
        ("ms msec msecs millis millisecond milliseconds", 1e-3),
        ("s sec secs second seconds", 1),
        ("m min mins minute minutes", 60),
        ("h hr hrs hour hours", 3_600),
        ("d day days", 86_400),
    )
    for name in names.split()
}
# No repetition below gives back what it took, or it is short: so no text takes more than linear time.
_FLAGS = re.ASCII | re.IGNORECASE
_NUMBER = r"\d{1,15}+(?:\.\d{0,30}+)?"
_UNIT = rf"(?:{'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![a-z])"
_TERM = rf"{_NUMBER}\s*+{_UNIT}"
_DURATION_TEXT = rf"{_TERM}(?:\s*+(?:,\s*+)?(?:and\s++)?{_TERM}){{0,8}}"
_TERMS = re.compile(rf"({_NUMBER})\s*+({_UNIT})", _FLAGS)
_DURATION = re.compile(_DURATION_TEXT, _FLAGS)
#: "Please retry in 35.8s", "try again later, after 20 s", "Your quota will reset after 13h27m1s", "wait 2 minutes"; not
#: "the deadline expired after 120 s".
_SENTENCE = re.compile(
    r"\b(?:(?:(?:re-?)?try|again|wait|reset|available)[a-z]{0,4}\b"
    r"[^.\d\n]{0,40}?\b(?:in|after|for|least|about|approximately)|wait)"
    rf"[^\w-]{{0,5}}+({_DURATION_TEXT})",
    _FLAGS,
)


def find_retry_delay(
    text: str, details: Iterable[dict[str, Any]], retry_after: str | None = None, date: str | None = None
) -> float:
    """Seconds that an error asks to wait: the longest of what its text, its details and its headers say; 0 for none.

    `retry_after` and `date` are the headers of these names.
    """
    delays = [_read_delay(detail.get("retryDelay", detail.get("retry_delay"))) for detail in details]
    delays += [_read_duration(sentence) for sentence in _SENTENCE.findall(text)]
    delays.append(_read_header(retry_after or "", date or ""))
    return max((delay for delay in delays if delay <= MAX_DURATION), default=0.0)


def _read_delay(value: Any) -> float:
    """Seconds in a duration's JSON: a text like `1m30s`, an object of `seconds` and `nanos`, or a number; else 0."""
    if isinstance(value, dict):
        return (as_number(value.get("seconds")) or 0.0) + (as_number(value.get("nanos")) or 0.0) / 1e9
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        return _read_duration(value)
    return as_number(value) or 0.0


def _read_duration(text: str) -> float:
    return sum(float(number) * _UNITS[unit.lower()] for number, unit in _TERMS.findall(text))


def _read_header(retry_after: str, date: str) -> float:
    """Seconds in the header Retry-After, or until the date in it.

    The date is of the server's clock, so what is left until then is told by that clock too, which the header Date
    shows; ours may be minutes off, and serves only where there is no such header.
    """
    # Where a server and a proxy both have set the header, their values stand in a list.
    if seconds := max(_read_delay(value.strip(' "+')) for value in retry_after.split(",")):
        return seconds
    until = _read_date(retry_after.strip(' "'))
    now = _read_date(date) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds()) if until else 0.0


def _read_date(text: str) -> datetime | None:
    """The date in any of the three forms of HTTP, or as RFC 3339 has it; where it names no zone, in UTC."""
    for read in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        with contextlib.suppress(ValueError, OverflowError):
            date = read(text[:MAX_DATE_LENGTH])
            return date if date.tzinfo else date.replace(tzinfo=UTC)
    return None
