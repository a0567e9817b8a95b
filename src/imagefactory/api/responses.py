"""Answers: data or an error in the same envelope, as JSON that every client reads alike."""

from __future__ import annotations

import contextvars
import errno
import itertools
import json
from typing import TYPE_CHECKING, Any

from flask import Response

from imagefactory import log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from imagefactory.domain.errors import ClientError

#: Line ends of Unicode that JSON allows in a string, and their escapes.
_LINE_ENDS = (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


def success(data: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with data."""
    return _envelope({"success": True, "data": data}, status, headers)


def error(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    details: Sequence[Mapping[str, object]] = (),
) -> Response:
    """An error answer."""
    problem = {"code": code, "message": message, "details": list(details)}
    return _envelope({"success": False, "error": problem}, status, headers)


def refuse(refusal: ClientError) -> Response:
    """The answer to a request that its client can fix."""
    details = [
        {"field": wrong.field, "message": wrong.message} | ({} if wrong.index is None else {"index": wrong.index})
        for wrong in refusal.errors
    ]
    return error(refusal.status, refusal.code, str(refusal), refusal.headers, details)


def stream_lines(items: Iterable[Mapping[str, object]], media_type: str) -> Response:
    """An answer of one JSON object a line, sent as it is made."""
    rest = iter(items)
    # Taken before the answer begins: what fails by then can still be told.
    first = list(itertools.islice(rest, 1))
    sent = _send(itertools.chain(first, rest), contextvars.copy_context())
    return Response(sent, mimetype=media_type, headers={"Cache-Control": "no-store"})


def dump_json(value: Any) -> str:
    """Compact JSON, UTF-8, in which no reader finds a line end: many break lines at more than U+000A."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in _LINE_ENDS:
        # Most texts have none, and looking is cheaper than copying.
        if sign in text:
            text = text.replace(sign, escape)
    return text


def _send(items: Iterable[Mapping[str, object]], context: contextvars.Context) -> Iterator[str]:
    try:
        for item in items:
            yield dump_json(item) + "\n"
    except Exception as defect:  # noqa: BLE001 - the last frame: the answer has begun, so nothing else can be told
        context.run(log.error, "the answer broke off", defect)
        # To the server the client has gone: it closes the connection, without a trace and what that could tell.
        raise BrokenPipeError(errno.EPIPE, "the answer broke off") from None


def _envelope(value: Any, status: int, headers: Mapping[str, str] | None) -> Response:
    # Half a surrogate pair, should a message ever repeat one, is sent as a JSON escape.
    body = dump_json(value).encode("utf-8", "backslashreplace")
    response = Response(body, status=status, mimetype="application/json", headers=dict(headers or {}))
    response.headers.setdefault("Cache-Control", "no-store")
    return response
