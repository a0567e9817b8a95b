"""Request bodies, read: JSON or a form becomes values of the right types, and what is not becomes a error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagefactory.api.body import forms, limits
from imagefactory.api.body.fields import CHOICES, Reader
from imagefactory.api.body.json_limits import as_object, object_of
from imagefactory.domain.api_key import key_errors
from imagefactory.domain.base64text import decode_base64
from imagefactory.domain.errors import FieldError, InvalidRequest, UnsupportedMediaType
from imagefactory.domain.execution import Prompt
from imagefactory.domain.result import FailureCode
from imagefactory.domain.submission import Submission, Upload, trim
from imagefactory.usecases.retry import RETRYABLE, RetryRequest

if TYPE_CHECKING:
    from flask import Request

_FIELDS = ("prompts_text", "prompts", "api_key", "reference_images", *CHOICES, "metadata")
_REFERENCE_SHAPE = 'this must be {"mime_type": a string, "data": base64}'
_RETRY_FIELDS = ("status", "error_codes", "batch_index", "api_key")


def submission(request: Request, body: bytearray) -> tuple[Submission, list[FieldError]]:
    """What the client submits, and what could not be read of it; the body is empty afterwards.

    Raises:
        UnsupportedMediaType: it is neither JSON nor a form.
        MalformedRequest: it cannot be read at all.
        PayloadTooLarge, RequestEntityTooLarge: it holds too much.
    """
    if request.mimetype == "multipart/form-data":
        return forms.submission(request, body)
    if request.mimetype == "application/json":
        return _of_json(Reader(object_of(body, limits.charset_of(request))))
    raise UnsupportedMediaType


def retry(request: Request) -> RetryRequest:
    """Which results to retry; no body, an empty one, or null, means all.

    Raises:
        InvalidRequest, MalformedRequest, PayloadTooLarge, UnsupportedMediaType: as for a submission.
    """
    body = limits.received(request)
    if bytes(body.strip()) in (b"", b"null"):
        return RetryRequest()
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send application/json, or no body at all.")
    read = Reader(as_object(limits.json_value(request, body)))
    read.only(_RETRY_FIELDS)
    statuses = read.choose("status", {status.value: status for status in RETRYABLE})
    codes = read.choose("error_codes", {code.value: code for code in FailureCode})
    indexes = read.whole_numbers("batch_index")
    for name in ("status", "error_codes", "batch_index"):
        if read.values.get(name) == []:
            read.wrong(name, "an empty list matches nothing: name what to retry, or leave this out for all")
    api_key = read.api_key()
    read.errors += key_errors(api_key)
    if read.errors:
        raise InvalidRequest.of(read.errors)
    return RetryRequest(statuses or RETRYABLE, codes, frozenset(indexes), api_key)


def _of_json(read: Reader) -> tuple[Submission, list[FieldError]]:
    read.only(_FIELDS)
    if read.value("prompts") is not None and read.value("prompts_text") is not None:
        read.wrong("prompts", "give prompts or prompts_text, not both")
    return read.submission(read.lines() or _prompts(read), _references(read))


def _prompts(read: Reader) -> tuple[Prompt, ...]:
    return tuple(_prompt(read, item, index) for index, item in enumerate(read.items("prompts")))


def _prompt(read: Reader, item: Any, index: int) -> Prompt:
    if isinstance(item, str):
        return Prompt(trim(item))
    if isinstance(item, dict) and isinstance(item.get("prompt"), str) and not item.keys() - {"prompt", "custom_id"}:
        custom_id = item.get("custom_id")
        if custom_id is None or isinstance(custom_id, str):
            return Prompt(trim(item["prompt"]), custom_id)
    read.wrong("prompts", 'this must be a string, or {"prompt": a string, "custom_id": a string}', index)
    # A stand-in that breaks no rule, so that this one error is told once.
    return Prompt("(unread)")


def _references(read: Reader) -> tuple[Upload, ...]:
    return tuple(_reference(item) for item in read.items("reference_images") if not _is_left_empty(item))


def _reference(item: Any) -> Upload:
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
    """Whether this stands for an image that was not chosen: nothing, or no data of no kind of image."""
    if not isinstance(item, dict):
        return item is None or item == ""
    data, mime_type = item.get("data"), item.get("mime_type") or ""
    is_no_image = isinstance(mime_type, str) and not mime_type.startswith("image/")
    return is_no_image and (data is None or data == "") and item.keys() <= {"mime_type", "data"}
