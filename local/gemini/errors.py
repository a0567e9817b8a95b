"""Google's error bodies: what the API says, word for word where it was recorded.

Recorded or quoted by users: invalid, expired and leaked keys, API disabled, suspended key, unknown model, every 429,
500, 503, 504. From memory, so only the status is to be relied on: missing key, 401, region, plain 400 and 403.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.gemini.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SERVICE = "generativelanguage.googleapis.com"
_TYPES = "type.googleapis.com/google.rpc."
_DOCS = "https://ai.google.dev/gemini-api/docs/rate-limits"
_ACTIVATION = f"https://console.developers.google.com/apis/api/{_SERVICE}/overview?project=123456789"


@dataclass(frozen=True)
class Failure:
    """An HTTP status, its canonical name, a message and Google's details."""

    code: int
    status: str
    message: str
    details: tuple[Mapping[str, Any], ...] = ()

    def body(self) -> dict[str, Any]:
        """The envelope."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        return {"error": error | ({"details": list(self.details)} if self.details else {})}


class RejectedError(Exception):
    """A request that ends with a failure; `outcome` is what the journal of calls says of it."""

    def __init__(self, outcome: Outcome, failure: Failure) -> None:
        super().__init__(failure.message)
        self.outcome = outcome
        self.failure = failure


def bad_request(message: str, *violations: tuple[str, str]) -> RejectedError:
    """A 400; violations are pairs of a field's path and what is wrong with it."""
    listed = [{"field": path, "description": text} if path else {"description": text} for path, text in violations]
    details = ({"@type": _TYPES + "BadRequest", "fieldViolations": listed},) if listed else ()
    return RejectedError(Outcome.BAD_REQUEST, Failure(400, "INVALID_ARGUMENT", message, details))


def _key(message: str) -> Failure:
    reason = {
        "@type": _TYPES + "ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": _SERVICE},
    }
    localized = {"@type": _TYPES + "LocalizedMessage", "locale": "en-US", "message": message}
    return Failure(400, "INVALID_ARGUMENT", message, (reason, localized))


def _denied(message: str, *details: Mapping[str, Any]) -> Failure:
    return Failure(403, "PERMISSION_DENIED", message, details)


def _info(reason: str) -> Mapping[str, Any]:
    metadata = {"consumer": "projects/123456789", "service": _SERVICE}
    return {"@type": _TYPES + "ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def _help(description: str, url: str) -> Mapping[str, Any]:
    return {"@type": _TYPES + "Help", "links": [{"description": description, "url": url}]}


def _quota(model: str, quota_id: str, limit: int, delay: str) -> Failure:
    """A 429 with QuotaFailure and RetryInfo; `delay` is in seconds, with a fraction as Google writes it."""
    metric = f"{_SERVICE}/generate_content_{'free' if limit == 0 else 'paid'}_tier_requests"
    violation = {
        "quotaMetric": metric,
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global", "model": model},
    } | ({"quotaValue": str(limit)} if limit else {})
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        f"error, head to: {_DOCS}. To monitor your current usage, head to: https://ai.dev/rate-limit. \n"
        f"* Quota exceeded for metric: {metric}, limit: {limit}, model: {model}\nPlease retry in {delay}s."
    )
    details = (
        _help("Learn more about Gemini API quotas", _DOCS),
        {"@type": _TYPES + "QuotaFailure", "violations": [violation]},
        {"@type": _TYPES + "RetryInfo", "retryDelay": f"{delay.partition('.')[0]}s"},
    )
    return Failure(429, "RESOURCE_EXHAUSTED", message, details)


def _unavailable(message: str) -> Failure:
    return Failure(503, "UNAVAILABLE", message)


_DEADLINE = "Deadline expired before operation could complete."
# Of the length and look of a real key, so that clients can show that they mask it.
_FAKE_KEY = ("AIzaSy" + "StandIn" * 5)[:39]

NO_KEY = _denied(
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)
PAYLOAD_TOO_LARGE = "Request payload size exceeds the limit: {limit} bytes."

# By outcome: the failure for a model of that name.
FAILURES: Mapping[Outcome, Callable[[str], Failure]] = {
    Outcome.BAD_REQUEST: lambda _: Failure(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    Outcome.INVALID_KEY: lambda _: _key("API key not valid. Please pass a valid API key."),
    Outcome.EXPIRED_KEY: lambda _: _key("API key expired. Please renew the API key."),
    Outcome.REGION_BLOCKED: lambda _: Failure(
        400,
        "FAILED_PRECONDITION",
        "Gemini API free tier is not available in your country. Please enable billing on your project in Google AI "
        "Studio.",
    ),
    Outcome.UNAUTHENTICATED: lambda _: Failure(
        401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected a valid API key."
    ),
    Outcome.PERMISSION_DENIED: lambda _: _denied("The caller does not have permission"),
    Outcome.LEAKED_KEY: lambda _: _denied("Your API key was reported as leaked. Please use another API key."),
    Outcome.SUSPENDED_KEY: lambda _: _denied(
        f"Permission denied: Consumer 'api_key:{_FAKE_KEY}' has been suspended.", _info("CONSUMER_SUSPENDED")
    ),
    Outcome.API_DISABLED: lambda _: _denied(
        f"Generative Language API has not been used in project 123456789 before or it is disabled. Enable it by "
        f"visiting {_ACTIVATION} then retry. If you enabled this API recently, wait a few minutes for the action to "
        "propagate to our systems and retry.",
        _help("Google developers console API activation", _ACTIVATION),
        _info("SERVICE_DISABLED"),
    ),
    Outcome.NOT_FOUND: lambda model: Failure(
        404,
        "NOT_FOUND",
        f"models/{model} is not found for API version v1beta, or is not supported for generateContent. Call "
        "ModelService.ListModels to see the list of available models and their supported methods.",
    ),
    Outcome.RATE_LIMITED: lambda model: _quota(
        model, "GenerateRequestsPerMinutePerProjectPerModel-PaidTier", 10, "3.84422229"
    ),
    Outcome.RATE_LIMITED_SHORT: lambda _: Failure(
        429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."
    ),
    Outcome.QUOTA_EXHAUSTED: lambda model: _quota(
        model, "GenerateRequestsPerDayPerProjectPerModel-PaidTier", 1000, "35.84422229"
    ),
    Outcome.LIMIT_ZERO: lambda model: _quota(
        model, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", 0, "35.84422229"
    ),
    Outcome.SERVER_ERROR: lambda _: Failure(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    ),
    Outcome.OVERLOADED: lambda _: _unavailable(
        "This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again "
        "later."
    ),
    Outcome.OVERLOADED_OLD: lambda _: _unavailable("The model is overloaded. Please try again later."),
    Outcome.DEADLINE_UNAVAILABLE: lambda _: _unavailable(_DEADLINE),
    Outcome.DEADLINE_EXCEEDED: lambda _: Failure(504, "DEADLINE_EXCEEDED", _DEADLINE),
}


def rejection(outcome: Outcome, model: str) -> RejectedError:
    """The refusal that an outcome stands for."""
    return RejectedError(outcome, FAILURES[outcome](model))
