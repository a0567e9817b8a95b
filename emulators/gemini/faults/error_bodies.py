"""Google's errors, by outcome, in the API's words.

Recorded or quoted by users: invalid, expired and leaked keys, API disabled, suspended key, unknown model and field, a
bad ratio, missing signature, every 429, 500, 503, 504. From memory, so only the status is to be relied on: missing key,
401, region, bad size, plain 400 and 403. Invented: the odd spellings of delays and quotas.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.error_format import TYPES, ErrorBody, RejectedError, bad_request, not_one_of, unknown_field
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SERVICE = "generativelanguage.googleapis.com"
_DOCS = "https://ai.google.dev/gemini-api/docs/rate-limits"
_ACTIVATION = f"https://console.developers.google.com/apis/api/{_SERVICE}/overview?project=123456789"


def _invalid_key(message: str) -> ErrorBody:
    reason = {
        "@type": TYPES + "ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": _SERVICE},
    }
    return ErrorBody(400, "INVALID_ARGUMENT", message, (reason, _message_detail(message)))


def _message_detail(message: str) -> Mapping[str, Any]:
    return {"@type": TYPES + "LocalizedMessage", "locale": "en-US", "message": message}


def _permission_denied(message: str, *details: Mapping[str, Any]) -> ErrorBody:
    return ErrorBody(403, "PERMISSION_DENIED", message, details)


def _error_info(reason: str, **more: str) -> Mapping[str, Any]:
    metadata = {"consumer": "projects/123456789", "service": _SERVICE} | more
    return {"@type": TYPES + "ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def _invalid_argument(message: str) -> Callable[[str], ErrorBody]:
    return lambda _: ErrorBody(400, "INVALID_ARGUMENT", message)


def _unknown_field(_: str) -> ErrorBody:
    sentence = unknown_field("includeThoughts", "generation_config")
    return bad_request(sentence, ("generation_config", sentence)).body


def _resource_exhausted(message: str) -> Callable[[str], ErrorBody]:
    return lambda _: ErrorBody(429, "RESOURCE_EXHAUSTED", message)


def _help(description: str, url: str) -> Mapping[str, Any]:
    return {"@type": TYPES + "Help", "links": [{"description": description, "url": url}]}


def _quota_error(model: str, quota_id: str, limit: int, delay: str) -> ErrorBody:
    """A 429 with QuotaFailure and RetryInfo; `delay` is in seconds, with a fraction as Google's sentence has it."""
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
        {"@type": TYPES + "QuotaFailure", "violations": [violation]},
        {"@type": TYPES + "RetryInfo", "retryDelay": f"{delay.partition('.')[0]}s"},
    )
    return ErrorBody(429, "RESOURCE_EXHAUSTED", message, details)


def _retry_later(delay: Any, message: str = "Quota exceeded.", code: int = 429) -> Callable[[str], ErrorBody]:
    """An error with a RetryInfo with this delay."""
    status = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}[code]
    return lambda _: ErrorBody(code, status, message, ({"@type": TYPES + "RetryInfo", "retryDelay": delay},))


def _zero_quota_error(model: str) -> ErrorBody:
    """A 429 without any quota: only its details say so, with the number 0."""
    violation = {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": 0}
    details = ({"@type": TYPES + "QuotaFailure", "violations": [violation]},)
    return ErrorBody(429, "RESOURCE_EXHAUSTED", f"Quota exceeded for {model}.", details)


def _image_quota_error(model: str) -> ErrorBody:
    """A 429 of the quota for pictures, with its details in reverse order."""
    body = _quota_error(model, "GenerateImagesRequestsPerMinutePerProjectPerModel", 10, "4.4")
    advice, quota_failure, _ = body.details
    return replace(body, details=({"@type": TYPES + "RetryInfo", "retryDelay": "4.4s"}, quota_failure, advice))


def _internal(message: str) -> ErrorBody:
    return ErrorBody(500, "INTERNAL", message)


def _unavailable(message: str) -> ErrorBody:
    return ErrorBody(503, "UNAVAILABLE", message)


_DEADLINE = "Deadline expired before operation could complete."
# It has a real key's length and look, so that tests can check that clients mask it.
_FAKE_KEY = ("AIzaSy" + "StandIn" * 5)[:39]

_NOT_FOUND = "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call {list}"
_METHODS = "to see the list of available models and their supported methods."
_DISABLED = (
    f"Generative Language API has not been used in project 123456789 before or it is disabled. Enable it by visiting "
    f"{_ACTIVATION} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to "
    "our systems and retry."
)
_ACTIVATE = _help("Google developers console API activation", _ACTIVATION)
MAX_BODY_BYTES = 100 * 2**20
PAYLOAD_TOO_LARGE = f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes."

# By outcome: the error for a model of that name.
ERROR_BODIES: Mapping[Outcome, Callable[[str], ErrorBody]] = {
    Outcome.BAD_REQUEST: _invalid_argument("Request contains an invalid argument."),
    Outcome.UNKNOWN_FIELD: _unknown_field,
    Outcome.BAD_RATIO: lambda model: bad_request(not_one_of("aspect_ratio", MODELS[model].ratios)).body,
    # Nobody has published the sentence about sizes; this one imitates that about ratios.
    Outcome.BAD_SIZE: lambda model: bad_request(not_one_of("image_size", MODELS[model].sizes or ("1K",))).body,
    Outcome.MISSING_SIGNATURE: _invalid_argument(
        "Image part is missing a thought_signature in content position 2, part position 1. Please refer to "
        "https://ai.google.dev/gemini-api/docs/thought-signatures#model-behavior for more details."
    ),
    Outcome.NO_INSTRUCTIONS: lambda model: bad_request(f"Developer instruction is not enabled for models/{model}").body,
    Outcome.PAYLOAD_TOO_LARGE: _invalid_argument(PAYLOAD_TOO_LARGE),
    Outcome.INVALID_KEY: lambda _: _invalid_key("API key not valid. Please pass a valid API key."),
    Outcome.EXPIRED_KEY: lambda _: _invalid_key("API key expired. Please renew the API key."),
    Outcome.INVALID_KEY_WORDS: _invalid_argument("API key not valid. Please pass a valid API key."),
    Outcome.EXPIRED_KEY_WORDS: _invalid_argument("API Key expired. Please renew the API key."),
    Outcome.PROMPT_ABOUT_KEYS: _invalid_argument(
        "Invalid value at 'contents[0].parts[0].text': \"A stamp: API key not valid. Please pass a valid API key.\""
    ),
    Outcome.REGION_BLOCKED: lambda _: ErrorBody(
        400,
        "FAILED_PRECONDITION",
        "Gemini API free tier is not available in your country. Please enable billing on your project in Google AI "
        "Studio.",
    ),
    Outcome.UNAUTHENTICATED: lambda _: ErrorBody(
        401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected a valid API key."
    ),
    Outcome.MISSING_KEY: lambda _: _permission_denied(
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
        "form of API consumer identity to call this API."
    ),
    Outcome.PERMISSION_DENIED: lambda _: _permission_denied("The caller does not have permission"),
    Outcome.LEAKED_KEY: lambda _: _permission_denied(
        "Your API key was reported as leaked. Please use another API key."
    ),
    Outcome.SUSPENDED_KEY: lambda _: _permission_denied(
        f"Permission denied: Consumer 'api_key:{_FAKE_KEY}' has been suspended.", _error_info("CONSUMER_SUSPENDED")
    ),
    Outcome.API_DISABLED: lambda _: _permission_denied(_DISABLED, _ACTIVATE, _error_info("SERVICE_DISABLED")),
    Outcome.API_DISABLED_NEW: lambda _: _permission_denied(
        _DISABLED,
        _error_info("SERVICE_DISABLED", serviceTitle="Generative Language API", activationUrl=_ACTIVATION),
        _message_detail(_DISABLED),
        _ACTIVATE,
    ),
    Outcome.NOT_FOUND: lambda model: ErrorBody(
        404, "NOT_FOUND", _NOT_FOUND.format(model=model, list=f"ModelService.ListModels {_METHODS}")
    ),
    Outcome.NOT_FOUND_OLD: lambda model: ErrorBody(
        404, "NOT_FOUND", _NOT_FOUND.format(model=model, list=f"ListModels {_METHODS}")
    ),
    Outcome.RATE_LIMITED: lambda model: _quota_error(
        model, "GenerateRequestsPerMinutePerProjectPerModel-PaidTier", 10, "3.84422229"
    ),
    Outcome.RATE_LIMITED_SHORT: _resource_exhausted("Resource has been exhausted (e.g. check quota)."),
    Outcome.RATE_LIMITED_VERTEX: _resource_exhausted(
        "Resource exhausted. Please try again later. Please refer to "
        "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."
    ),
    Outcome.RATE_LIMITED_IMAGES: _image_quota_error,
    Outcome.RATE_LIMITED_MINUTES: _retry_later("1m30.5s"),
    Outcome.RATE_LIMITED_OBJECT: _retry_later({"seconds": "35", "nanos": 500_000_000}),
    Outcome.RATE_LIMITED_NUMBER: _retry_later(35),
    Outcome.RATE_LIMITED_SENTENCE: _retry_later("0s", "Quota exceeded. Please try again in 20 seconds."),
    Outcome.RATE_LIMITED_HOURS: _resource_exhausted(
        "You have exhausted your capacity on this model. Your quota will reset after 13h27m1.2s."
    ),
    Outcome.RATE_LIMITED_NONSENSE: lambda model: replace(
        _retry_later("-35s")(model), details=tuple({"retryDelay": delay} for delay in ("-35s", "9" * 10_000))
    ),
    Outcome.CREDITS_DEPLETED: _resource_exhausted(
        "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage your "
        "project and billing."
    ),
    Outcome.SPENDING_CAP: _resource_exhausted("Your project has exceeded its spending cap."),
    Outcome.QUOTA_EXHAUSTED: lambda model: _quota_error(
        model, "GenerateRequestsPerDayPerProjectPerModel-PaidTier", 1000, "35.84422229"
    ),
    Outcome.QUOTA_EXHAUSTED_WORDS: _resource_exhausted(
        "Quota exceeded for quota metric 'Generate requests' and limit 'Generate requests per day' of service "
        f"'{_SERVICE}' for consumer 'project_number:123456789'."
    ),
    Outcome.LIMIT_ZERO_VALUE: _zero_quota_error,
    Outcome.LIMIT_ZERO: lambda model: _quota_error(
        model, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", 0, "35.84422229"
    ),
    Outcome.SERVER_ERROR: lambda _: _internal(
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting"
    ),
    Outcome.SERVER_ERROR_SHORT: lambda _: _internal("Internal error encountered."),
    Outcome.LISTED_ERROR: lambda _: _internal("Internal error encountered."),
    Outcome.OVERLOADED: lambda _: _unavailable(
        "This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again "
        "later."
    ),
    Outcome.OVERLOADED_OLD: lambda _: _unavailable("The model is overloaded. Please try again later."),
    Outcome.OVERLOADED_RETRY: _retry_later("40s", "The model is overloaded. Please try again later.", 503),
    Outcome.DEADLINE_UNAVAILABLE: lambda _: _unavailable(_DEADLINE),
    Outcome.DEADLINE_EXCEEDED: lambda _: ErrorBody(504, "DEADLINE_EXCEEDED", _DEADLINE),
}


def rejection(outcome: Outcome, model: str) -> RejectedError:
    """The exception for an outcome in ERROR_BODIES."""
    return RejectedError(outcome, ERROR_BODIES[outcome](model))
