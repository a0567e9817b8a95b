"""What the Gemini API's errors mean: an HTTP status, and often {"error": {"code", "message", "status", "details"}}."""

from __future__ import annotations

import re
from typing import Any

from imagefactory.adapters.gemini.values import MAX_TEXT, as_dict, as_list
from imagefactory.domain.result import Failure, FailureCode

_RETRY_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_RETRY_SENTENCE = re.compile(r"Please retry in (\d+(?:\.\d+)?)s")
_RETRY_HEADER = re.compile(r"(\d+)")
#: Quotas that no waiting fills: there is none at all, or the money is gone.
_NO_QUOTA = re.compile(r"\blimit: 0(?![.\d])|\bprepayment credits\b|\bspending cap\b")
#: Google's API keys, those made before 2026 and those made since.
_KEY = re.compile(r"(?:AIza|AQ\.)[0-9A-Za-z_\-]{10,}")


def failure_of_status(status: int, answer: Any, api_key: str, retry_after: str | None = None) -> Failure:
    """What an answer with this HTTP status means; `answer` is its JSON, or None where it was none.

    `retry_after` is the header of that name, which front ends send with a page instead of JSON.
    """
    # Where an answer would have been a stream, the error is the only item of a list.
    first = answer[0] if isinstance(answer, list) and answer else answer
    error = as_dict(as_dict(first).get("error"))
    details = [as_dict(detail) for detail in as_list(error.get("details"))]
    message = masked(str(error.get("message") or f"The Gemini API answered {status}."), api_key)
    reasons = [str(detail["reason"]) for detail in details if "reason" in detail]
    code, retryable = _code(status, reasons)
    delay = 0.0
    if code is FailureCode.RATE_LIMIT_EXCEEDED:
        # In the whole text: what it says of limits and delays stands behind what a record keeps of it.
        said = str(error.get("message"))
        delay = _retry_delay(said, details, retry_after)
        retryable = not _waiting_is_no_use(said, details)
    reason = reasons[0] if reasons else error.get("status")
    return Failure(code, message, retryable, delay, status, masked(str(reason), api_key) if reason else None)


def _code(status: int, reasons: list[str]) -> tuple[FailureCode, bool]:
    match status:
        case 401 | 403:
            return FailureCode.INVALID_API_KEY, False
        case 400 if "API_KEY_INVALID" in reasons:
            return FailureCode.INVALID_API_KEY, False
        case 429:
            return FailureCode.RATE_LIMIT_EXCEEDED, True
        case 408:
            return FailureCode.SERVER_ERROR, True
        case _ if 400 <= status < 500:  # noqa: PLR2004 - the class of client errors
            return FailureCode.INVALID_REQUEST, False
        case _:
            return FailureCode.SERVER_ERROR, True


def _retry_delay(message: str, details: list[dict[str, Any]], retry_after: str | None) -> float:
    """Seconds the provider asks to wait: from RetryInfo, else from its sentence, else from the header, else none."""
    wishes = (_RETRY_DELAY.fullmatch(str(detail.get("retryDelay", ""))) for detail in details)
    found = next(filter(None, wishes), None) or _RETRY_SENTENCE.search(message)
    found = found or _RETRY_HEADER.fullmatch(retry_after or "")
    return float(found[1]) if found else 0.0


def _waiting_is_no_use(message: str, details: list[dict[str, Any]]) -> bool:
    """Whether the quota is a daily one, or one of nothing."""
    violations = [as_dict(one) for detail in details for one in as_list(detail.get("violations"))]
    return bool(_NO_QUOTA.search(message)) or any(
        "PerDay" in str(one.get("quotaId", "")) or one.get("quotaValue") == "0" for one in violations
    )


def masked(message: str, api_key: str) -> str:
    """A provider's words without the key, which some of them repeat; cut to a length that fits a record."""
    if api_key:
        message = message.replace(api_key, "[key]")
    return _KEY.sub("[key]", message)[:MAX_TEXT]
