"""Request bodies, read: JSON or a form becomes values of the right types, and what is not becomes a fault."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from imagefactory.api import content
from imagefactory.domain.errors import Fault, InvalidRequest, MalformedRequest, UnsupportedMediaType
from imagefactory.domain.execution import Prompt
from imagefactory.domain.result import FailureCode
from imagefactory.domain.submission import Submission, Upload, key_faults, prompts_of_text, trimmed
from imagefactory.usecases.retry import RETRYABLE, RetryRequest

if TYPE_CHECKING:
    from flask import Request
    from werkzeug.datastructures import FileStorage, MultiDict

Choice = TypeVar("Choice")

_CHOICES = ("model", "aspect_ratio", "resolution", "output_format")
_FORM_FIELDS = ("prompts_text", "api_key", *_CHOICES, "metadata")
_JSON_FIELDS = (*_FORM_FIELDS, "prompts", "reference_images")
_TWICE = "this field was given more than once"
_RETRY_FIELDS = ("status", "error_codes", "batch_index", "api_key")


@dataclass
class Reader:
    """Takes typed values out of a parsed body and notes a fault for each that has another type."""

    values: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)

    def only(self, known: tuple[str, ...]) -> None:
        """Note every field that is none of ours: most are misspelt, and would be missed."""
        for name in self.values:
            if name not in known:
                self.wrong(name[:80], f"there is no such field; the fields are {', '.join(known)}")

    def wrong(self, name: str, message: str, index: int | None = None) -> None:
        """Note a fault."""
        encodable = name.encode("utf-8", "backslashreplace").decode()
        self.faults.append(Fault(encodable, message, index))

    def text(self, name: str) -> str | None:
        """A string; None when it is not given."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        self.wrong(name, "this must be a string")
        return None

    def items(self, name: str) -> list[Any]:
        """A list; empty when it is not given."""
        value = self.values.get(name)
        if isinstance(value, list):
            return value
        if value is not None:
            self.wrong(name, "this must be a list")
        return []


def submission(request: Request) -> tuple[Submission, list[Fault]]:
    """What the client submits, and what could not be read of it.

    Raises:
        UnsupportedMediaType: the body is neither JSON nor a form.
        MalformedRequest: it cannot be read at all.
    """
    if request.mimetype == "multipart/form-data":
        return _of_form(request)
    if request.mimetype == "application/json":
        return _of_json(Reader(content.json_object(request)))
    raise UnsupportedMediaType


def retry(request: Request) -> RetryRequest:
    """Which results to retry; an empty body means all.

    Raises:
        InvalidRequest, MalformedRequest, UnsupportedMediaType: as for a submission.
    """
    if not request.content_length and not request.headers.get("Transfer-Encoding"):
        return RetryRequest()
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send application/json, or no body at all.")
    read = Reader(content.json_object(request))
    read.only(_RETRY_FIELDS)
    statuses = _chosen(read, "status", {status.value: status for status in RETRYABLE})
    codes = _chosen(read, "error_codes", {code.value: code for code in FailureCode})
    indexes = read.items("batch_index")
    for name in ("status", "error_codes", "batch_index"):
        if read.values.get(name) == []:
            read.wrong(name, "an empty list matches nothing: name what to retry, or leave this out for all")
    for place, index in enumerate(indexes):
        if type(index) is not int or index < 0:
            read.wrong("batch_index", "this must be a whole number from 0", place)
    api_key = read.text("api_key")
    read.faults += key_faults(api_key)
    if read.faults:
        raise InvalidRequest(f"{read.faults[0].field}: {read.faults[0].message}", faults=read.faults)
    return RetryRequest(tuple(statuses) or RETRYABLE, tuple(codes), tuple(indexes), api_key)


def _chosen(read: Reader, name: str, offered: dict[str, Choice]) -> list[Choice]:
    found = []
    for place, value in enumerate(read.items(name)):
        if isinstance(value, str) and value in offered:
            found.append(offered[value])
        else:
            read.wrong(name, f"this must be one of {', '.join(offered)}", place)
    return found


def _of_form(request: Request) -> tuple[Submission, list[Fault]]:
    form, files = request.form, request.files
    if not form and not files:
        # What the parser makes of a form without boundary, or cut short.
        raise MalformedRequest("The form has no fields, or it is not whole.")
    # An empty text field of a form was not filled in.
    read = Reader({name: value for name, value in form.items() if value})
    for name in form:
        if len(form.getlist(name)) > 1:
            read.wrong(name[:80], _TWICE)
        # The parser puts this character for bytes that are no text; the prompt would be paid for as it is not.
        if "\ufffd" in form[name]:
            read.wrong(name[:80], "this is not UTF-8, or holds the character U+FFFD, which a form cannot carry")
    references = _files(read, files)
    read.only(_FORM_FIELDS)
    return _submission(read, _prompts_of_text(read), references, _metadata_of_form(read))


def _files(read: Reader, files: MultiDict[str, FileStorage]) -> tuple[Upload, ...]:
    """The reference images; a file of prompts goes to the fields of the form."""
    references: list[Upload] = []
    for name, file in files.items(multi=True):
        data = file.read()
        # An empty file without a name was not chosen.
        if not data and not file.filename:
            continue
        if name == "reference_images":
            references.append(Upload(data, file.mimetype))
        elif name == "prompts_text" and name not in read.values:
            read.values[name] = _file_text(read, data)
        else:
            taken = name == "prompts_text"
            read.wrong(name[:80], _TWICE if taken else "there is no such file field; reference_images is")
    return tuple(references)


def _file_text(read: Reader, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        read.wrong("prompts_text", f"the file is not UTF-8 at byte {wrong.start + 1}")
        return ""


def _metadata_of_form(read: Reader) -> dict[str, str]:
    text = read.text("metadata")
    if text is None:
        return {}
    try:
        read.values["metadata"] = json.loads(text)
    except (ValueError, RecursionError):
        read.wrong("metadata", "in a form this must be a JSON object, written out")
        return {}
    return _metadata(read)


def _of_json(read: Reader) -> tuple[Submission, list[Fault]]:
    read.only(_JSON_FIELDS)
    if read.values.get("prompts") is not None and read.values.get("prompts_text") is not None:
        read.wrong("prompts", "give prompts or prompts_text, not both")
    prompts = _prompts_of_text(read) or _prompts(read)
    return _submission(read, prompts, _references(read), _metadata(read))


def _submission(
    read: Reader, prompts: tuple[Prompt, ...], references: tuple[Upload, ...], metadata: dict[str, str]
) -> tuple[Submission, list[Fault]]:
    choices = {name: read.text(name) for name in _CHOICES}
    read_in = Submission(
        prompts=prompts, api_key=read.text("api_key"), references=references, metadata=metadata, **choices
    )
    return read_in, read.faults


def _prompts_of_text(read: Reader) -> tuple[Prompt, ...]:
    return prompts_of_text(read.text("prompts_text") or "")


def _prompts(read: Reader) -> tuple[Prompt, ...]:
    return tuple(_prompt(read, item, index) for index, item in enumerate(read.items("prompts")))


def _prompt(read: Reader, item: Any, index: int) -> Prompt:
    if isinstance(item, str):
        return Prompt(trimmed(item))
    if isinstance(item, dict) and isinstance(item.get("prompt"), str) and not item.keys() - {"prompt", "custom_id"}:
        custom_id = item.get("custom_id")
        if custom_id is None or isinstance(custom_id, str):
            return Prompt(trimmed(item["prompt"]), custom_id)
    read.wrong("prompts", 'this must be a string, or {"prompt": a string, "custom_id": a string}', index)
    # A stand-in that breaks no rule, so that this one fault is told once.
    return Prompt("(unread)")


def _references(read: Reader) -> tuple[Upload, ...]:
    uploads = []
    for index, item in enumerate(read.items("reference_images")):
        upload = _reference(item)
        if upload is None:
            read.wrong("reference_images", 'this must be {"mime_type": a string, "data": base64}', index)
        else:
            uploads.append(upload)
    return tuple(uploads)


def _reference(item: Any) -> Upload | None:
    if not isinstance(item, dict) or item.keys() - {"mime_type", "data"}:
        return None
    data, mime_type = item.get("data"), item.get("mime_type", "")
    if not isinstance(data, str) or not isinstance(mime_type, str):
        return None
    try:
        return Upload(base64.b64decode(data, validate=True), mime_type)
    except (binascii.Error, ValueError):
        return None


def _metadata(read: Reader) -> dict[str, str]:
    value = read.values.get("metadata")
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        read.wrong("metadata", "this must be an object whose values are strings")
        return {}
    return value
