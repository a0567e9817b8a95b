"""Request bodies as records: a form and JSON become the same fields, and one pass reads them.

Whatever has a wrong type or value becomes an error of its field, so that all of them are told at once.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from imagefactory.api.body.encodings import PLAIN, name_encoding
from imagefactory.api.body.fields import CHOICES, Fields
from imagefactory.api.body.forms import read_form
from imagefactory.api.body.json_limits import parse_body, require_object
from imagefactory.api.body.large_request_lock import LARGE_BYTES, LargeRequestLock
from imagefactory.api.errors import UnsupportedMediaType
from imagefactory.domain.api_key import key_errors
from imagefactory.domain.base64text import decode_base64
from imagefactory.domain.errors import FieldError, InvalidRequest, MalformedRequest
from imagefactory.domain.execution import Prompt
from imagefactory.domain.result import FailureCode
from imagefactory.domain.submission import Submission, Upload, trim
from imagefactory.usecases.retry import RETRYABLE, RetryRequest

if TYPE_CHECKING:
    from flask import Request

    from imagefactory.api.body.stream import RequestBody

_FIELDS = ("prompts_text", "prompts", "api_key", "reference_images", *CHOICES, "metadata")
_REFERENCE_SHAPE = 'this must be {"mime_type": a string, "data": base64}'
_RETRY_FIELDS = ("status", "error_codes", "batch_index", "api_key")


def read_body(request: Request) -> bytearray:
    """The whole body, once it is there.

    Raises:
        PayloadTooLarge: it is over the limit.
        MalformedRequest: it ends before it is whole, takes too long to arrive, or is encoded on its way.
        UnsupportedMediaType: it is compressed.
    """
    encodings = request.headers.getlist("Content-Encoding")
    if encodings and name_encoding(encodings) not in PLAIN:
        raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")
    if request.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise MalformedRequest("Send the body without a Transfer-Encoding, or in chunks.")
    body: RequestBody = request.environ["wsgi.input"]
    return body.read_whole()


def read_json(request: Request) -> dict[str, Any]:
    """The JSON object that the request's body is.

    Raises:
        PayloadTooLarge, UnsupportedMediaType: as for `read_body`; also: it holds too many values, in no known charset.
        MalformedRequest: as for `read_body`; also: it is no JSON object.
        Unavailable: it is large, and the lock was not free in time.
    """
    return require_object(_parse(request, read_body(request)))


def read_submission(request: Request, body: bytearray) -> tuple[Submission, list[FieldError]]:
    """What the client submits, and what is wrong with its fields; the body is empty afterwards.

    Raises:
        UnsupportedMediaType: it is neither JSON nor a form.
        MalformedRequest: it cannot be read at all.
        PayloadTooLarge, RequestEntityTooLarge: it holds too much.
    """
    if request.mimetype == "multipart/form-data":
        fields = read_form(request, body)
    elif request.mimetype == "application/json":
        fields = Fields(parse_body(body, request.mimetype_params.get("charset", "")), _FIELDS)
    else:
        raise UnsupportedMediaType
    if {"prompts", "prompts_text"} <= fields.values.keys():
        fields.reject("prompts", "give prompts or prompts_text, not both")
    items = enumerate(fields.items("prompts"))
    prompts = (Prompt(trim(item)) if isinstance(item, str) else _prompt(fields, item, index) for index, item in items)
    submission = Submission(
        prompts=fields.lines() if "prompts_text" in fields.values else tuple(prompts),
        references=tuple(_reference(item) for item in fields.items("reference_images") if not _is_left_empty(item)),
        **fields.choices(CHOICES),
        api_key=fields.api_key(),
        metadata=fields.metadata(),
    )
    return submission, fields.errors


def read_retry(request: Request) -> RetryRequest:
    """Which results to retry; no body, an empty one, or null, means all.

    Raises:
        InvalidRequest, MalformedRequest, PayloadTooLarge, UnsupportedMediaType: as for a submission.
    """
    body = read_body(request)
    if bytes(body.strip()) in (b"", b"null"):
        return RetryRequest()
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send application/json, or no body at all.")
    fields = Fields(_parse(request, body), _RETRY_FIELDS)
    statuses = fields.choose("status", {status.value: status for status in RETRYABLE})
    codes = fields.choose("error_codes", {code.value: code for code in FailureCode})
    indexes = fields.whole_numbers("batch_index")
    for name in ("status", "error_codes", "batch_index"):
        if fields.values.get(name) == []:
            fields.reject(name, "an empty list matches nothing: name what to retry, or leave this out for all")
    api_key = fields.api_key()
    fields.errors += key_errors(api_key)
    if fields.errors:
        raise InvalidRequest.of(fields.errors)
    return RetryRequest(statuses or RETRYABLE, codes, frozenset(indexes), api_key)


def _parse(request: Request, body: bytearray) -> Any:
    with LargeRequestLock() if len(body) > LARGE_BYTES else contextlib.nullcontext():
        return parse_body(body, request.mimetype_params.get("charset", ""))


def _prompt(fields: Fields, item: Any, index: int) -> Prompt:
    if isinstance(item, dict) and isinstance(item.get("prompt"), str) and not item.keys() - {"prompt", "custom_id"}:
        custom_id = item.get("custom_id")
        if custom_id is None or isinstance(custom_id, str):
            return Prompt(trim(item["prompt"]), custom_id)
    fields.reject("prompts", 'this must be a string, or {"prompt": a string, "custom_id": a string}', index)
    # A stand-in that breaks no rule, so that this one error is told once.
    return Prompt("(unread)")


def _reference(item: Any) -> Upload:
    if isinstance(item, Upload):
        # A file of a form.
        return item
    if isinstance(item, str) and item[:5].lower() == "data:":
        item = {"data": item}
    if not isinstance(item, dict) or item.keys() - {"mime_type", "data"}:
        return Upload(b"", error=_REFERENCE_SHAPE)
    data, mime_type = item.get("data"), item.get("mime_type") or ""
    if not isinstance(data, str) or not isinstance(mime_type, str):
        return Upload(b"", error=_REFERENCE_SHAPE)
    try:
        decoded = decode_base64(data)
    except ValueError:
        return Upload(b"", error="the data are not base64")
    return Upload(decoded.data, mime_type or decoded.media_type)


def _is_left_empty(item: Any) -> bool:
    """Whether the item is empty: null, an empty string, or an object without data and without an image type."""
    if not isinstance(item, dict):
        return item is None or item == ""
    data, mime_type = item.get("data"), item.get("mime_type") or ""
    is_no_image = isinstance(mime_type, str) and not mime_type.startswith("image/")
    return is_no_image and (data is None or data == "") and item.keys() <= {"mime_type", "data"}
