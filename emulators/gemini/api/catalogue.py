"""`models.list` and `models.get`: the model table in the form Google lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.error_format import Failure, RejectedError, bad_request
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulators.gemini.images.models import Model

PAGE = 50
MAX_PAGE = 1000


def listed_model(name: str) -> dict[str, Any]:
    """One model; raises Google's 404."""
    if name not in MODELS:
        message = f"Model is not found: models/{name} for api version v1beta"
        raise RejectedError(Outcome.NOT_FOUND, Failure(404, "NOT_FOUND", message))
    return _described(MODELS[name])


def listed_models(query: Mapping[str, str]) -> dict[str, Any]:
    """A page of models; a page token is the number of models before the page."""
    size = query.get("pageSize", query.get("page_size", "")) or str(PAGE)
    token = query.get("pageToken", query.get("page_token", "")) or "0"
    if not (size.isdecimal() and token.isdecimal()):
        raise bad_request("Request contains an invalid argument.")
    models = list(MODELS.values())
    start = int(token)
    end = start + min(int(size) or PAGE, MAX_PAGE)
    page: dict[str, Any] = {"models": [_described(model) for model in models[start:end]]}
    return page | ({"nextPageToken": str(end)} if end < len(models) else {})


def _described(model: Model) -> dict[str, Any]:
    return {
        "name": f"models/{model.name}",
        "version": "3.0" if model.thinks else "2.0",
        "displayName": model.label,
        "description": f"{model.label}, drawn by the local stand-in",
        "inputTokenLimit": model.input_limit,
        "outputTokenLimit": model.output_limit,
        "supportedGenerationMethods": ["generateContent"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 1,
    } | ({"thinking": True} if model.thinks else {})
