"""A function to send requests to, and the requests that most tests send."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Protocol

from flask import Request
from PIL import Image
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from tests.entrypoints.apps import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from flask import Flask
    from werkzeug.test import TestResponse

    from tests.entrypoints.issuer import Issuer

EXECUTE = f"/api/workflows/{WORKFLOW['id']}/execute"
NOBODY_HAS = "00000000-0000-4000-8000-000000000000"
LIGHTHOUSE = {"prompts_text": "a lighthouse\na harbour\na gull", "api_key": "the-key"}


class Function:
    """Asks as the user ada, unless told otherwise; `user=None` sends no token."""

    def __init__(self, app: Flask, issuer: Issuer) -> None:
        self._client = app.test_client()
        # As gunicorn has it: the server knows where a body ends.
        self._client.environ_base["wsgi.input_terminated"] = True  # type: ignore[assignment] # WSGI has more than strings
        self._issuer = issuer

    def ask(
        self,
        method: str,
        path: str,
        *,
        user: str | None = "ada",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        **request: Any,
    ) -> TestResponse:
        """Send a request; the other arguments are those of the test client."""
        sent = Headers({"Authorization": f"Bearer {self._issuer.token(sub=user)}"} if user else {})
        # A header of its own replaces the token; one given twice is sent twice.
        for name, _ in Headers(headers):
            sent.remove(name)
        sent.extend(Headers(headers))
        response = self._client.open(path, method=method, headers=sent, **request)
        # The test client keeps large forms in temporary files, and leaves them open.
        response.request.environ["wsgi.input"].close()
        return response

    def get(self, path: str, **request: Any) -> TestResponse:
        """GET."""
        return self.ask("GET", path, **request)

    def post(self, path: str, **request: Any) -> TestResponse:
        """POST."""
        return self.ask("POST", path, **request)

    def chunked(self, path: str, body: bytes, content_type: str) -> TestResponse:
        """POST a body that does not say how long it is."""
        stream = {"input_stream": io.BytesIO(body), "content_type": content_type}
        return self.post(path, **stream, environ_overrides={"HTTP_TRANSFER_ENCODING": "chunked"})


class Load(Protocol):
    """Makes a function of its name, and of what stands for its wiring, if anything shall."""

    def __call__(self, name: str, make_app: Callable[[Any], Any] | None = None) -> Function: ...


def carrying(token: str) -> Request:
    """A request with this token, and nothing else."""
    return Request(EnvironBuilder(headers=[("Authorization", f"Bearer {token}")]).get_environ())


def data_of(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """The data of a success; fails the test on anything else."""
    body = response.get_json()
    assert (response.status_code, body.get("success")) == (status, True), body
    assert set(body) == {"success", "data"}
    data: dict[str, Any] = body["data"]
    return data


def error_of(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The error of a refusal; fails the test on anything else."""
    body = response.get_json()
    assert body is not None, response.get_data(as_text=True)
    assert (response.status_code, body["success"], body["error"]["code"]) == (status, False, code), body
    assert set(body) == {"success", "error"}
    assert set(body["error"]) == {"code", "message", "details"}
    assert body["error"]["message"]
    assert response.headers["X-Request-Id"]
    error: dict[str, Any] = body["error"]
    return error


def faults_of(response: TestResponse) -> list[tuple[str, int | None]]:
    """The field and index of everything that was wrong with a request."""
    details = error_of(response, 400, "VALIDATION_FAILED")["details"]
    assert all(detail["message"] for detail in details)
    return [(detail["field"], detail.get("index")) for detail in details]


def execution_of(submit: Function, **fields: Any) -> str:
    """Submit a batch; returns its id."""
    user = fields.pop("user", "ada")
    answer = submit.post(EXECUTE, user=user, json=LIGHTHOUSE | fields)
    execution_id: str = data_of(answer, 202)["execution_id"]
    return execution_id


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    """The bytes of a small image."""
    target = io.BytesIO()
    Image.new("RGB", size, "teal").save(target, kind)
    return target.getvalue()
