"""What is asked for: Google's forms are read, and everything else is refused in Google's words."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
import requests

from tests.contract.gemini_standin.client import FLASH, Gemini, parts, picture, reference, request

PRO = "gemini-3-pro-image"
TEXT = {"contents": [{"parts": [{"text": "A fox"}]}]}


def _error(answer: requests.Response) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == answer.status_code
    return error


def test_a_flash_answer_has_the_recorded_shape(gemini: Gemini) -> None:
    answer = gemini.ask("A lighthouse at dusk, in oil").json()

    data = answer["candidates"][0]["content"]["parts"][0]["inlineData"].pop("data")
    assert data.startswith("iVBORw0KGgo")
    assert len(answer.pop("responseId")) > 20
    assert answer == {
        "candidates": [
            {
                "content": {"parts": [{"inlineData": {"mimeType": "image/png"}}], "role": "model"},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "modelVersion": FLASH,
        "usageMetadata": {
            "candidatesTokenCount": 1290,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
            "promptTokenCount": 7,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}],
            "serviceTier": "standard",
            "totalTokenCount": 1297,
        },
    }


def test_a_pro_answer_carries_a_signature_thoughts_and_more_tokens_than_the_picture(gemini: Gemini) -> None:
    answer = gemini.ask("A lighthouse", PRO)

    (part,) = parts(answer)
    usage = answer.json()["usageMetadata"]
    assert len(part["thoughtSignature"]) == pytest.approx(20_000, abs=10)
    assert usage["candidatesTokenCount"] > usage["candidatesTokensDetails"][0]["tokenCount"] == 1120
    thoughts = usage["thoughtsTokenCount"]
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"] + thoughts


def test_references_count_as_input_tokens(gemini: Gemini) -> None:
    usage = gemini.post(request("A fox", reference((1, 2, 3)))).json()["usageMetadata"]

    assert usage["promptTokenCount"] == 2 + 258
    assert {"modality": "IMAGE", "tokenCount": 258} in usage["promptTokensDetails"]


def test_snake_case_title_case_and_both_base64_alphabets_are_read(gemini: Gemini) -> None:
    image = base64.b64decode(reference((250, 251, 252))["inlineData"]["data"])
    urlsafe = base64.urlsafe_b64encode(image).decode().rstrip("=")
    body = {
        "contents": {"parts": [{"text": "A fox"}, {"inline_data": {"mime_type": "image/png", "data": urlsafe}}]},
        "system_instruction": {"parts": {"text": "Paint in oil."}},
        "generation_config": {"response_modalities": ["Image"], "image_config": {"aspect_ratio": "16:9"}},
        "safetySettings": None,
    }

    answer = gemini.post(body)

    assert picture(parts(answer)[0]).size == (1344, 768)
    (call,) = gemini.calls()
    assert (call["prompt"], call["aspect_ratio"], call["reference_count"]) == ("A fox", "16:9", 1)


def test_without_modalities_there_is_text_before_the_picture(gemini: Gemini) -> None:
    assert [next(iter(part)) for part in parts(gemini.post(TEXT))] == ["text", "inlineData"]


def test_text_alone_can_be_asked_for(gemini: Gemini) -> None:
    body = TEXT | {"generationConfig": {"responseModalities": ["TEXT"]}}

    assert [list(part) for part in parts(gemini.post(body))] == [["text"]]


@pytest.mark.parametrize("version", ["v1beta", "v1"])
def test_a_query_key_is_as_good_as_a_header_and_v1_as_good_as_v1beta(gemini: Gemini, version: str) -> None:
    url = f"{gemini.url}/{version}/models/{FLASH}:generateContent"

    answer = requests.post(url, params={"key": "k"}, json=TEXT, timeout=5)

    assert answer.status_code == 200


def test_no_key_is_403(gemini: Gemini) -> None:
    error = _error(gemini.post(TEXT, key=""))

    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert "unregistered callers" in error["message"]
    assert gemini.calls()[0]["outcome"] == "missing_key"


def test_a_key_that_begins_with_invalid_is_googles_400(gemini: Gemini) -> None:
    error = _error(gemini.post(TEXT, key="invalid-key"))

    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"][0]["reason"] == "API_KEY_INVALID"
    assert gemini.calls()[0]["outcome"] == "invalid_key"


@pytest.mark.parametrize(
    ("body", "name", "path"),
    [
        (TEXT | {"thinkingConfig": {}}, "thinkingConfig", ""),
        (TEXT | {"generationConfig": {"includeThoughts": True}}, "includeThoughts", "generation_config"),
        (
            TEXT | {"generationConfig": {"imageConfig": {"outputMimeType": "image/png"}}},
            "outputMimeType",
            "generation_config.image_config",
        ),
        ({"contents": [{"parts": [{"txt": "A fox"}]}]}, "txt", "contents[0].parts[0]"),
    ],
)
def test_an_unknown_field_is_refused_by_name(gemini: Gemini, body: dict[str, Any], name: str, path: str) -> None:
    error = _error(gemini.post(body))

    place = f" at '{path}'" if path else ""
    sentence = f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'
    assert error["message"] == sentence
    (violation,) = error["details"][0]["fieldViolations"]
    assert violation == ({"field": path} if path else {}) | {"description": sentence}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"contents": [{"parts": [{"text": 5}]}]}, "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5"),
        ({"contents": "A fox"}, "Invalid value at 'contents[0]' (type.googleapis.com/"),
        ([TEXT], "Root element must be a message"),
        (request("x", {"inlineData": {"mimeType": "image/png", "data": "a*b"}}), "Base64 decoding failed"),
        (TEXT | {"generationConfig": {"responseModalities": ["PICTURE"]}}, "GenerationConfig.Modality"),
        (TEXT | {"generationConfig": {"responseModalities": ["AUDIO"]}}, "response modalities (AUDIO)"),
        ({}, "contents is not specified"),
        ({"contents": [{"parts": []}]}, "contents[0].parts: contents.parts must not be empty"),
        ({"contents": [{"role": "me", "parts": [{"text": "x"}]}]}, "valid role: user, model"),
        (request("x", {"inlineData": {"mimeType": "image/gif", "data": ""}}), "Unsupported MIME type: image/gif"),
        (request("x", {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}), "Unable to process input image"),
    ],
)
def test_a_wrong_value_is_refused_in_googles_words(gemini: Gemini, body: Any, said: str) -> None:
    error = _error(gemini.post(body))

    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert said in error["message"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000], ids=["cut", "not utf-8", "nested"])
def test_what_is_not_json_is_refused(gemini: Gemini, body: bytes) -> None:
    url = f"{gemini.url}/v1beta/models/{FLASH}:generateContent"

    answer = requests.post(url, data=body, headers={"x-goog-api-key": "k"}, timeout=5)

    assert "Invalid JSON payload" in _error(answer)["message"]


def test_a_ratio_that_does_not_exist_is_refused_with_the_ratios_that_do(gemini: Gemini) -> None:
    error = _error(gemini.ask(model="gemini-3.1-flash-image", aspectRatio="7:3"))

    assert error["message"] == (
        "* GenerateContentRequest.generation_config.image_config.aspect_ratio: aspect_ratio must be one of '1:1', "
        "'1:4', '1:8', '2:3', '3:2', '3:4', '4:1', '4:3', '4:5', '5:4', '8:1', '9:16', '16:9', or '21:9'.\n"
    )
    assert "details" not in error


@pytest.mark.parametrize(
    ("model", "config", "said"),
    [
        (PRO, {"aspectRatio": "1:4"}, "aspect_ratio must be one of '1:1', '2:3'"),
        (PRO, {"imageSize": "1k"}, "image_size must be one of '1K', '2K', or '4K'"),
        (PRO, {"imageSize": "512"}, "image_size must be one of"),
        ("gemini-3.1-flash-lite-image", {"imageSize": "2K"}, "image_size must be '1K'"),
        (FLASH, {"imageSize": "1K"}, "image_size is not supported by models/gemini-2.5-flash-image"),
    ],
)
def test_what_a_model_does_not_have_is_refused(gemini: Gemini, model: str, config: dict[str, str], said: str) -> None:
    error = _error(gemini.ask(model=model, **config))

    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert said in error["message"]


def test_an_unknown_model_is_404(gemini: Gemini) -> None:
    error = _error(gemini.ask(model="gemini-1.0-crayon"))

    assert (error["code"], error["status"]) == (404, "NOT_FOUND")
    assert error["message"].startswith("models/gemini-1.0-crayon is not found for API version v1beta, or is not")
    assert gemini.calls()[0]["model"] == "gemini-1.0-crayon"


def test_another_method_is_refused_in_a_sentence(gemini: Gemini) -> None:
    url = f"{gemini.url}/v1beta/models/{FLASH}:countTokens"

    answer = requests.post(url, json=TEXT, timeout=5)

    assert _error(answer)["status"] == "UNIMPLEMENTED"


def test_a_body_of_more_than_100_mebibytes_is_refused(gemini: Gemini) -> None:
    url = f"{gemini.url}/v1beta/models/{FLASH}:generateContent"

    answer = requests.post(url, data=b" " * (100 * 2**20 + 1), headers={"x-goog-api-key": "k"}, timeout=20)

    assert _error(answer)["message"] == "Request payload size exceeds the limit: 104857600 bytes."


def test_telemetry_headers_and_a_generous_server_timeout_change_nothing(gemini: Gemini) -> None:
    headers = {"X-Server-Timeout": "180", "x-goog-api-client": "google-genai-sdk/3.4.0 gl-python/3.11.7"}

    assert gemini.post(request("A fox"), headers=headers).status_code == 200


def test_models_are_listed_by_pages_and_one_by_one(gemini: Gemini) -> None:
    url, headers = f"{gemini.url}/v1beta/models", {"x-goog-api-key": "k"}
    first = requests.get(url, params={"pageSize": "4"}, headers=headers, timeout=5).json()
    second = requests.get(
        url, params={"pageSize": "4", "pageToken": first["nextPageToken"]}, headers=headers, timeout=5
    ).json()

    listed = [model["name"] for model in first["models"] + second["models"]]

    assert len(listed) == 6
    assert "nextPageToken" not in second
    one = requests.get(f"{gemini.url}/v1beta/{listed[1]}", headers=headers, timeout=5).json()
    assert one == first["models"][1]
    assert one["outputTokenLimit"] == 32_768
    assert _error(requests.get(f"{url}/none", headers=headers, timeout=5))["code"] == 404
    assert _error(requests.get(url, timeout=5))["code"] == 403


def test_the_journal_says_what_was_asked_and_when(gemini: Gemini) -> None:
    before = time.time()

    gemini.ask("A fox", PRO, aspectRatio="3:4", imageSize="2K")

    (call,) = gemini.calls()
    assert before <= call["start"] <= call["end"] <= time.time()
    assert {key: call[key] for key in ("model", "outcome", "status", "aspect_ratio", "image_size")} == {
        "model": PRO,
        "outcome": "ok",
        "status": 200,
        "aspect_ratio": "3:4",
        "image_size": "2K",
    }
