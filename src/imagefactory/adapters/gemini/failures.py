"""What the Gemini API's errors mean: an HTTP status, and often {"error": {"code", "message", "status", "details"}}."""

from __future__ import annotations

import re
from typing import Any

from imagefactory.adapters.gemini.retry_delay import find_retry_delay
from imagefactory.adapters.gemini.values import MAX_TEXT, as_dict, as_items, as_number, unwrap
from imagefactory.domain.result import Failure, FailureCode

#: Characters of an error's words that are searched, and details that are looked at: real ones have far less.
MAX_SEARCHED = 1_000_000
MAX_DETAILS = 20

_LIMIT = re.compile(r"\blimit\s?[:=]\s?(\d{1,15}+(?:\.\d{1,30}+)?)(?!\d)", re.ASCII | re.IGNORECASE)
_NO_MONEY = re.compile(r"\bprepayment credits\b|\bspending cap\b", re.IGNORECASE)
_DAILY = re.compile(r"per[ _-]?day", re.IGNORECASE)
#: "Quota exceeded for quota metric 'Requests' and limit 'Requests per day'"
_DAILY_LIMIT = re.compile(r"\b(?:limit|metric)(?: '|: )[^',\n]{0,100}?per[ _-]?day", re.IGNORECASE)
#: Names and values of a quota, in a violation and in the metadata of an ErrorInfo.
_QUOTA_NAMES = ("quotaId", "quota_id", "quotaMetric", "quota_metric", "quota_limit")
_QUOTA_VALUES = ("quotaValue", "quota_value", "quota_limit_value")
#: How Google begins to say that a key is wrong. What stands further behind may be the words of a prompt.
_KEY_IS_WRONG = re.compile(
    r"\s*(?:(?:error|bad request|\[?4\d\d\]?)[:.\s]{1,3}){0,3}"
    r"(?:(?:the |your )?(?:provided )?API[ _-]?key (?:is |was |has (?:been )?)?"
    r"(?:not valid|invalid|incorrect|expired|missing|not found|reported as leaked)"
    r"|(?:invalid|incorrect|missing) API[ _-]?key|API_KEY_INVALID)\b",
    re.ASCII | re.IGNORECASE,
)
#: Google's API keys, those made before 2026 and those made since.
_KEY = re.compile(r"(?:AIza|AQ\.)[0-9A-Za-z_\-]{10,}")


def failure_of_status(
    status: int, answer: Any, api_key: str, retry_after: str | None = None, date: str | None = None
) -> Failure:
    """What an answer with this HTTP status means; `answer` is its JSON, or None where it was none.

    `retry_after` and `date` are the headers of these names; front ends send the first with a page instead of JSON.
    """
    error = as_dict(as_dict(unwrap(answer)).get("error"))
    details = [as_dict(detail) for detail in as_items(error.get("details"))[:MAX_DETAILS]]
    messages = [str(error.get("message") or f"The Gemini API answered {status}.")]
    messages += [detail["message"] for detail in details if isinstance(detail.get("message"), str)]
    reasons = [detail["reason"] for detail in details if isinstance(detail.get("reason"), str)]
    code, retryable = _code(status, messages, reasons)
    delay = 0.0
    if retryable:
        # In the whole text: what it says of limits and delays stands behind what a record keeps of it.
        text = "\n".join(message[:MAX_SEARCHED] for message in messages)[:MAX_SEARCHED]
        delay = find_retry_delay(text, details, retry_after, date)
        retryable = code is not FailureCode.RATE_LIMIT_EXCEEDED or not _is_waiting_useless(text, details)
    reason = reasons[0] if reasons else error.get("status")
    kept = mask_key(str(reason), api_key) if reason else None
    return Failure(code, mask_key(messages[0], api_key), retryable, delay, status, kept)


def _code(status: int, messages: list[str], reasons: list[str]) -> tuple[FailureCode, bool]:
    match status:
        case 401 | 403:
            return FailureCode.INVALID_API_KEY, False
        case 400 if any(map(_KEY_IS_WRONG.match, messages)) or any(
            reason.upper().startswith("API_KEY_") for reason in reasons
        ):
            return FailureCode.INVALID_API_KEY, False
        case 429:
            return FailureCode.RATE_LIMIT_EXCEEDED, True
        case 408:
            return FailureCode.SERVER_ERROR, True
        case _ if 400 <= status < 500:  # noqa: PLR2004 - the class of client errors
            return FailureCode.INVALID_REQUEST, False
        case _:
            return FailureCode.SERVER_ERROR, True


def _is_waiting_useless(text: str, details: list[dict[str, Any]]) -> bool:
    """Whether the quota is a daily one, or one of nothing, or the money is gone."""
    quotas = [as_dict(violation) for detail in details for violation in as_items(detail.get("violations"))]
    quotas += [as_dict(detail.get("metadata")) for detail in details]
    names = [str(quota.get(name)) for quota in quotas for name in _QUOTA_NAMES]
    limits = [quota.get(value) for quota in quotas for value in _QUOTA_VALUES] + _LIMIT.findall(text)
    return (
        bool(_NO_MONEY.search(text) or _DAILY_LIMIT.search(text))
        or any(map(_DAILY.search, names))
        or any(as_number(limit) == 0 for limit in limits)
    )


def mask_key(message: str, api_key: str) -> str:
    """A provider's words without the key, which some of them repeat; cut to a length that fits a record."""
    if api_key:
        message = message.replace(api_key, "[key]")
    return _KEY.sub("[key]", message)[:MAX_TEXT]
