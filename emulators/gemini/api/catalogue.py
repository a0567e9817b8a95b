"""`models.list` and `models.get`: the model table in Google's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.error_format import ErrorBody, RejectedError, bad_request
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulators.gemini.images.models import Model

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000


def get_model(name: str) -> dict[str, Any]:
    """Get a model; raises Google's 404."""
    if name not in MODELS:
        message = f"Model is not found: models/{name} for api version v1beta"
        raise RejectedError(Outcome.NOT_FOUND, ErrorBody(404, "NOT_FOUND", message))
    return _model_json(MODELS[name])


def list_models(query: Mapping[str, str]) -> dict[str, Any]:
    """List a page of models; a page token is the number of models before the page. Raises Google's 400."""
    size = query.get("pageSize", query.get("page_size", "")) or str(DEFAULT_PAGE_SIZE)
    token = query.get("pageToken", query.get("page_token", "")) or "0"
    if not (size.isdecimal() and token.isdecimal()):
        raise bad_request("Request contains an invalid argument.")
    models = list(MODELS.values())
    start = int(token)
    end = start + min(int(size) or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    page: dict[str, Any] = {"models": [_model_json(model) for model in models[start:end]]}
    return page | ({"nextPageToken": str(end)} if end < len(models) else {})


def _model_json(model: Model) -> dict[str, Any]:
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
