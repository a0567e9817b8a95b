"""The OpenAPI document as a fuzzer needs it: with what a deployment knows and a schema cannot say."""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any

import yaml

from local.stack.settings import ROOT
from tests.hostile import images

if TYPE_CHECKING:
    from tests.harness.stack import Stack


def _read() -> dict[str, Any]:
    """The document, with the codes of each answer in its schema: as it stands, they would trouble generators."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
    for answer in document["components"]["responses"].values():
        content = answer["content"]["application/json"]
        codes = {"properties": {"error": {"properties": {"code": {"enum": answer["x-error-codes"]}}}}}
        content["schema"] = {"allOf": [content["schema"], codes]}
    return document


DOCUMENT = _read()
#: A model that offers everything that is asked for here, in any combination.
CHOICES = {
    "model": {"enum": ["gemini-3-pro-image", "gemini-3-pro-image-preview"]},
    "aspect_ratio": {"enum": ["1:1", "16:9", "9:16"]},
    "resolution": {"enum": ["1K", "2K", "4K"]},
}


def narrowed(stack: Stack, executions: list[str]) -> dict[str, Any]:
    """The document, but such that each request that fits is one that this stack accepts; it has these executions."""
    document = copy.deepcopy(DOCUMENT)
    parameters, schemas = document["components"]["parameters"], document["components"]["schemas"]
    parameters["WorkflowId"]["schema"]["enum"] = [stack.workflow_id]
    parameters["ExecutionId"]["schema"]["enum"] = executions
    _give_cursors(document, stack, executions[0])
    # Each line of a text is a prompt, with at least three characters between its spaces.
    schemas["Prompt"] = {"type": "string", "pattern": r"^[^\s][^\r\n]{1,60}[^\s]$", "maxLength": 70}
    schemas["PromptsText"] = {"type": "string", "pattern": r"^([a-z]{3,20}( [a-z]{1,8})?\r?\n){0,4}[^\s]{3,20}$"}
    schemas["ApiKey"] = {"enum": ["a-key", "another-key"]}
    _narrow_submissions(schemas)
    # What has ended has lost its key.
    retry = schemas["RetryRequest"]
    retry["required"] = ["api_key"]
    # Each of these executions has a prompt of this index.
    retry["properties"] |= {"api_key": schemas["ApiKey"], "batch_index": {"type": "array", "items": {"enum": [0]}}}
    retry["properties"]["batch_index"]["minItems"] = 1
    document["paths"]["/api/executions/{execution_id}/retry"]["post"]["requestBody"]["required"] = True
    return document


def _give_cursors(document: dict[str, Any], stack: Stack, execution_id: str) -> None:
    """Cursors are opaque: only those that were handed out are good."""
    shown = stack.client().call("GET", f"/api/executions/{execution_id}").json()["data"]
    listed = stack.client().call("GET", "/api/executions", params={"limit": "1"}).json()["data"]
    show = document["paths"]["/api/executions/{execution_id}"]["get"]
    # Changes are followed with since alone.
    show["parameters"] = [one for one in show["parameters"] if one.get("name") != "cursor"]
    given = {"since": [shown["next_since"]], "cursor": [listed["next_cursor"]]}
    for parameter in [*show["parameters"], *document["paths"]["/api/executions"]["get"]["parameters"]]:
        if values := given.get(parameter.get("name", "")):
            parameter["schema"] = {"enum": values}


def _narrow_submissions(schemas: dict[str, Any]) -> None:
    by_json, by_form = schemas["Submission"], schemas["SubmissionForm"]
    for one in (by_json, by_form):
        one["properties"] |= CHOICES
        one["required"].append("model")
    by_json["properties"]["prompts_text"] = {"anyOf": [{"$ref": "#/components/schemas/PromptsText"}, {"type": "null"}]}
    pictures = [
        {"mime_type": content_type, "data": base64.b64encode(data).decode()}
        for content_type, data in [("image/png", images.picture()), *images.TAKEN.values()]
    ]
    by_json["properties"]["reference_images"]["items"] = {"enum": pictures}
    by_json["properties"]["prompts"]["maxItems"] = 5
    # Custom ids must differ within a batch.
    schemas["PromptItem"]["properties"].pop("custom_id")
    # The fuzzer makes bytes of its own for files.
    by_form["properties"].pop("reference_images")


def for_tasks(**number: Any) -> dict[str, Any]:
    """A document of generate's one route, which no user may call; its numbers are integers, and `number` besides."""
    task = {
        "type": "object",
        "required": ["execution_id", "batch_index", "attempt"],
        "properties": {
            "execution_id": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
            "batch_index": {"type": "integer"} | number,
            "attempt": {"type": "integer"} | number,
        },
        "not": {"required": ["watch"]},
    }
    answer = {
        "type": "object",
        "required": ["success", "data"],
        "additionalProperties": False,
        "properties": {
            "success": {"const": True},
            "data": {"type": "object", "required": ["outcome"], "properties": {"outcome": {"const": "UNKNOWN"}}},
        },
    }
    names = ("BadRequest", "Unauthenticated", "MethodNotAllowed", "PayloadTooLarge", "UnsupportedMediaType", "Internal")
    kinds = {
        status: {"$ref": f"#/components/responses/{name}"}
        for status, name in zip(("400", "401", "405", "413", "415", "500"), names, strict=True)
    }
    done = {"description": "Done", "content": {"application/json": {"schema": answer}}}
    operation = {
        "operationId": "deliver",
        "requestBody": {"required": True, "content": {"application/json": {"schema": task}}},
        "responses": {"200": done} | kinds,
    }
    return DOCUMENT | {"paths": {"/": {"post": operation}}}
