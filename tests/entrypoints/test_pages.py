"""Pages of other origins: those that are configured may call, no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Unavailable
from tests.entrypoints.apps import OTHER_PAGE, PAGE
from tests.entrypoints.function import (
    EXECUTE,
    error_of,
    execution_of,
)

if TYPE_CHECKING:
    from flask import Flask

    from tests.entrypoints.apps import HttpFactory
    from tests.entrypoints.function import Function, Load


@pytest.mark.parametrize("origin", [PAGE, OTHER_PAGE])
def test_a_page_of_a_configured_origin_may_read_the_answer(status: Function, origin: str) -> None:
    answers = [status.get(path, headers={"Origin": origin}) for path in ("/api/executions", "/nowhere")]

    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert answer.headers["Vary"] == "Origin"
        assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.test", "null", "*", PAGE + ".evil.test", PAGE.upper(), f"{PAGE}/", "http://page.test", ""]
)
def test_a_page_of_another_origin_may_not(status: Function, origin: str) -> None:
    answer = status.get("/api/executions", headers={"Origin": origin})

    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]
    assert answer.headers["Vary"] == "Origin"


def test_no_cache_may_take_an_answer_for_one_origin_for_another(status: Function) -> None:
    answer = status.get("/api/executions")

    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_preflight_is_answered_without_a_token(submit: Function) -> None:
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }

    answer = submit.ask("OPTIONS", EXECUTE, user=None, headers=headers)

    assert (answer.status_code, answer.get_data()) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Methods"] == "OPTIONS, POST"
    assert {"authorization", "content-type", "idempotency-key", "if-none-match", "x-request-id"} == {
        name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")
    }
    assert answer.headers["Access-Control-Max-Age"] == "3600"
    assert answer.headers["X-Request-Id"]


def test_a_page_may_send_the_headers_it_asks_for_once_each(submit: Function) -> None:
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, traceparent,b3,x y,<a>",
    }

    answer = submit.ask("OPTIONS", EXECUTE, user=None, headers=headers)

    names = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert (names[-2:], len(names)) == (["traceparent", "b3"], 7)


def test_a_preflight_of_another_origin_allows_nothing(submit: Function) -> None:
    headers = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}

    answer = submit.ask("OPTIONS", EXECUTE, user=None, headers=headers)

    assert (answer.status_code, answer.headers["Allow"]) == (204, "OPTIONS, POST")
    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]


def test_a_preflight_for_a_path_that_leads_nowhere_is_not_found(submit: Function) -> None:
    error_of(submit.ask("OPTIONS", "/nowhere", user=None, headers={"Origin": PAGE}), 404, "NOT_FOUND")


def test_every_error_may_be_read_by_the_page(load: Load, submit: Function, status: Function) -> None:
    page = {"Origin": PAGE}

    def broken(_settings: object) -> Flask:
        raise Unavailable("down")

    answers = [
        status.get("/nowhere", headers=page),
        status.get("/robots.txt", headers=page),
        status.get("/api/executions", user=None, headers=page),
        status.get("/api/executions?limit=0", headers=page),
        status.get("/api/executions", headers=page | {"Host": "..."}),
        status.ask("DELETE", "/api/executions", headers=page),
        submit.post(EXECUTE, data=b"{}", headers=page, environ_overrides={"CONTENT_LENGTH": "33000000"}),
        submit.post(EXECUTE, data=b"{}", content_type="text/plain", headers=page),
        load("status", broken).get("/api/executions", headers=page),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 401, 400, 400, 405, 413, 415, 503]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert {"Retry-After", "WWW-Authenticate", "X-Request-Id"} <= set(
            answer.headers["Access-Control-Expose-Headers"].split(", ")
        )


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", EXECUTE, 405), ("PATCH", "/api/x/y", 404)]
)
def test_a_page_may_ask_for_what_there_is_not_so_that_it_can_read_why(
    submit: Function, method: str, path: str, status: int
) -> None:
    headers = {"Origin": PAGE, "Access-Control-Request-Method": method}

    preflight = submit.ask("OPTIONS", path, user=None, headers=headers)
    answer = submit.ask(method, path, headers={"Origin": PAGE})

    assert preflight.status_code == 204
    assert method in preflight.headers["Access-Control-Allow-Methods"].split(", ")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, PAGE)


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt"])
def test_what_the_framework_refuses_may_be_read_by_the_page_too(submit: Function, path: str) -> None:
    answer = submit.get(path, headers={"Origin": PAGE})

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, PAGE)


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        *((origin, True) for origin in ("http://localhost", "http://localhost:5173", "http://[::1]:3000")),
        *(
            (origin, False)
            for origin in ("http://localhost.evil.test:80", "https://localhost:5173", "http://localhost:*")
        ),
        *((origin, False) for origin in ("http://localhost:", "http://localhost:1\n", "http://127.0.0.1:80", "")),
    ],
)
def test_a_local_origin_may_stand_for_every_port(
    load: Load, factory: HttpFactory, monkeypatch: pytest.MonkeyPatch, origin: str, *, may: bool
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "http://localhost:*,http://[::1]:*")
    status = load("status", factory.status_app)

    answer = status.get("/api/executions", environ_overrides={"HTTP_ORIGIN": origin})

    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if may else None)


def test_an_unchanged_answer_may_be_read_by_the_page_too(submit: Function, status: Function) -> None:
    path = f"/api/executions/{execution_of(submit)}"
    etag = status.get(path).headers["ETag"]

    answer = status.get(path, headers={"Origin": PAGE, "If-None-Match": etag})

    assert answer.status_code == 304
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
