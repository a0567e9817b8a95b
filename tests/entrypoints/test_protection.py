"""What protects every answer and every log line: headers, whoever made the answer, and nobody's text in between."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import exceptions
from werkzeug.exceptions import BadRequest

from imagefactory.domain.errors import Unavailable
from imagefactory.testing import Call, Moment
from imagefactory.usecases.status import WINDOW
from tests.entrypoints.apps import OTHER_PAGE, PAGE
from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, NOBODY_HAS, error_of, execution_of
from tests.hostile.entries import HEADERS, REFUSED_HEADERS

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.entrypoints.apps import HttpFactory
    from tests.entrypoints.function import Function, Load
    from tests.hostile.row import Headers

SECRET = "AIzaSy-secret-of-ada"
PROTECTION = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
FUNCTIONS = ("submit", "status", "generate")


def assert_protected(answer: TestResponse) -> None:
    assert {name: answer.headers.getlist(name) for name in PROTECTION} == {
        name: [value] for name, value in PROTECTION.items()
    }
    uuid.UUID(answer.headers["X-Request-Id"])
    assert answer.headers["Cache-Control"] in ("no-store", "private, no-cache")
    assert "Set-Cookie" not in answer.headers
    assert "X-Google-Status" not in answer.headers
    assert answer.mimetype in ("application/json", "application/x-ndjson", None)


def every_kind(submit: Function, status: Function, factory: HttpFactory) -> list[TestResponse]:
    """An answer of every status there is."""
    execution_id = execution_of(submit)
    path = f"/api/executions/{execution_id}"
    key = {"Idempotency-Key": "once"}
    answers = [
        status.get(path),
        status.get(f"{path}/results.jsonl"),
        status.ask("HEAD", path),
        submit.post(EXECUTE, json=LIGHTHOUSE, headers=key),
        submit.post(EXECUTE, json=LIGHTHOUSE | {"prompts_text": "another"}, headers=key),
        submit.ask("OPTIONS", EXECUTE),
        status.get(path, headers={"If-None-Match": status.get(path).headers["ETag"]}),
        submit.post(EXECUTE, json={}),
        submit.post(EXECUTE, user=None, json=LIGHTHOUSE),
        status.get(f"/api/executions/{NOBODY_HAS}"),
        status.ask("DELETE", path),
        submit.post(f"{path}/retry", json={"api_key": "k"}),
        submit.post(EXECUTE, data="text", content_type="text/plain"),
        submit.post(
            EXECUTE, data=b"{}", content_type="application/json", environ_overrides={"CONTENT_LENGTH": "33000000"}
        ),
    ]
    factory.faults.fail("executions.read_progress", Moment.BEFORE, Unavailable("down"))
    answers.append(status.get(path))
    factory.faults.fail("executions.read_progress", Moment.BEFORE, RuntimeError("a defect"))
    answers.append(status.get(path))
    return answers


def test_every_answer_is_protected(submit: Function, status: Function, factory: HttpFactory) -> None:
    answers = every_kind(submit, status, factory)

    assert {answer.status_code for answer in answers} == {
        *(200, 202, 204, 304, 400, 401, 404, 405, 409, 413, 415, 422, 500, 503)
    }
    for answer in answers:
        assert_protected(answer)


def test_an_answer_without_a_body_names_no_type(submit: Function, status: Function) -> None:
    path = f"/api/executions/{execution_of(submit)}"

    preflight = status.ask("OPTIONS", path, headers={"Origin": PAGE})
    unchanged = status.get(path, headers={"If-None-Match": status.get(path).headers["ETag"]})

    for answer, code in ((preflight, 204), (unchanged, 304)):
        assert (answer.status_code, answer.get_data()) == (code, b"")
        assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "/a%0aSet-Cookie:%20a=b", "/%0d%0a%0d%0a<script>"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_what_the_framework_answers_by_itself_is_answered_as_ever(
    load: Load, factory: HttpFactory, name: str, path: str, method: str
) -> None:
    function = load(name, getattr(factory, f"{name}_app"))

    answer = function.ask(method, path, user=None, data=b"a body" * 1000)

    error_of(answer, 404, "NOT_FOUND")
    assert_protected(answer)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("headers", [pytest.param(one, id=name) for name, one in REFUSED_HEADERS.items()])
def test_what_the_framework_refuses_is_malformed_and_an_ordinary_line_in_the_log(
    load: Load, factory: HttpFactory, name: str, headers: Headers, capsys: pytest.CaptureFixture[str]
) -> None:
    function = load(name, getattr(factory, f"{name}_app"))

    for method in ("GET", "POST", "OPTIONS", "BREW"):
        answer = function.ask(method, "/api/executions", user=None, headers=headers, data=b"a body" * 1000)

        error_of(answer, 400, "MALFORMED_REQUEST")
        assert_protected(answer)
        assert_one_plain_line(capsys.readouterr().out)


@pytest.mark.parametrize("headers", [pytest.param(one, id=name) for name, one in HEADERS.items() if "host" in name])
def test_a_host_that_is_none_changes_nothing(status: Function, headers: Headers) -> None:
    assert status.get("/api/executions", headers=headers).status_code == 200


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_redirects(load: Load, factory: HttpFactory, name: str) -> None:
    function = load(name, getattr(factory, f"{name}_app"))

    # As of `GET http://host HTTP/1.1`.
    answer = function.get("/", user=None, environ_overrides={"PATH_INFO": ""})

    error_of(answer, 404, "NOT_FOUND")
    assert_protected(answer)
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (exceptions.BadRequest(SECRET), (400, "MALFORMED_REQUEST")),
        (exceptions.BadRequestKeyError(SECRET), (400, "MALFORMED_REQUEST")),
        (exceptions.SecurityError(SECRET), (400, "MALFORMED_REQUEST")),
        (exceptions.Unauthorized(SECRET), (401, "UNAUTHENTICATED")),
        (exceptions.NotFound(SECRET), (404, "NOT_FOUND")),
        (exceptions.MethodNotAllowed(["PUT"], SECRET), (405, "METHOD_NOT_ALLOWED")),
        (exceptions.RequestEntityTooLarge(SECRET), (413, "PAYLOAD_TOO_LARGE")),
        (exceptions.UnsupportedMediaType(SECRET), (415, "UNSUPPORTED_MEDIA_TYPE")),
        (exceptions.ExpectationFailed(SECRET), (400, "MALFORMED_REQUEST")),
        (exceptions.RequestHeaderFieldsTooLarge(SECRET), (400, "MALFORMED_REQUEST")),
        (exceptions.BadGateway(SECRET), (500, "INTERNAL")),
        (exceptions.HTTPException(SECRET), (500, "INTERNAL")),
    ],
)
def test_what_the_framework_raises_in_the_middle_is_answered_by_its_kind(
    status: Function,
    factory: HttpFactory,
    failure: exceptions.HTTPException,
    expected: tuple[int, str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    factory.faults.fail("executions.list_by_user", Moment.BEFORE, failure)

    answer = status.get("/api/executions")

    error_of(answer, *expected)
    assert_protected(answer)
    assert answer.headers.get("Allow") == ("OPTIONS, PUT" if answer.status_code == 405 else None)
    assert SECRET not in answer.get_data(as_text=True) + "".join(capfd.readouterr())


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("failure", [RuntimeError(SECRET), Unavailable(SECRET), BadRequest(SECRET), KeyError(SECRET)])
def test_a_function_that_cannot_be_put_together_says_so_without_details(
    load: Load, name: str, failure: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(_settings: Any) -> Any:
        raise failure

    function = load(name, broken)

    answer = function.post("/", json={"api_key": SECRET})

    error_of(answer, *((503, "UNAVAILABLE") if isinstance(failure, Unavailable) else (500, "INTERNAL")))
    assert_protected(answer)
    written = capfd.readouterr()
    logged, request = (json.loads(line) for line in written.out.splitlines())
    assert (logged["severity"], logged["exception"]) == ("ERROR", type(failure).__name__)
    assert logged["request_id"] == request["request_id"] == answer.headers["X-Request-Id"]
    assert SECRET not in answer.get_data(as_text=True) + written.out + written.err
    assert "Traceback" not in written.err


def test_a_defect_tells_the_client_nothing_but_where_to_look(
    submit: Function, status: Function, factory: HttpFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    execution_id = execution_of(submit)
    factory.faults.fail("executions.read_progress", Moment.BEFORE, RuntimeError(f"could not read {SECRET}"))
    capfd.readouterr()

    answer = status.get(f"/api/executions/{execution_id}")

    error = error_of(answer, 500, "INTERNAL")
    assert error["message"] == "Something went wrong on our side; the request id finds it in the log."
    written = capfd.readouterr()
    assert SECRET not in written.out + written.err
    assert "RuntimeError" in written.out


def test_lines_that_fail_before_the_first_are_answered_as_any_failure(
    submit: Function, status: Function, factory: HttpFactory
) -> None:
    path = f"/api/executions/{execution_of(submit)}/results.jsonl"
    factory.faults.fail("executions.results", Moment.BEFORE, Unavailable("down"))

    answer = status.get(path)

    error_of(answer, 503, "UNAVAILABLE")
    assert_protected(answer)


def test_lines_that_break_off_are_seen_to_and_logged_without_what_the_failure_says(
    submit: Function, status: Function, factory: HttpFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    prompts = [f"prompt {number}" for number in range(WINDOW + 1)]
    path = f"/api/executions/{execution_of(submit, prompts_text=None, prompts=prompts)}/results.jsonl"
    windows = iter((None, RuntimeError(SECRET)))

    def second_window_fails(call: Call) -> None:
        if (call.name, call.moment) == ("executions.results", Moment.BEFORE) and (failure := next(windows)):
            raise failure

    factory.faults.hook = second_window_fails
    capfd.readouterr()

    # The server takes this for a client that has gone, and closes the connection: the last chunk never comes.
    with pytest.raises(BrokenPipeError) as broken:
        status.get(path, headers={"X-Request-Id": "asked"}).get_data()

    assert SECRET not in str(broken.value)
    assert broken.value.__cause__ is None
    written = capfd.readouterr()
    failed = json.loads(written.out.splitlines()[-1])
    assert (failed["message"], failed["exception"]) == ("the answer broke off", "RuntimeError")
    assert failed["request_id"] == "asked"
    assert SECRET not in written.out + written.err


INJECTED = [
    '{"severity": "EMERGENCY"}',
    'x", "severity": "EMERGENCY", "y": "',
    "x\\u000a{}",
    "\u2028{}",
    "\u0085{}",
    "\x1b[31m",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", INJECTED)
@pytest.mark.parametrize("place", ["X-Request-Id", "X-Cloud-Trace-Context", "Function-Execution-Id", "User-Agent"])
def test_no_header_writes_into_the_log(
    status: Function, capsys: pytest.CaptureFixture[str], place: str, text: str
) -> None:
    status.get("/api/executions", headers={place: text.encode().decode("latin-1")})

    assert_one_plain_line(capsys.readouterr().out)


@pytest.mark.parametrize("path", ["/%0a{}", "/%22,%22severity%22:%22EMERGENCY", "/%e2%80%a8", "/%1b[31m", "/%00"])
def test_no_path_or_query_writes_into_the_log(status: Function, capsys: pytest.CaptureFixture[str], path: str) -> None:
    status.get(path)
    first = capsys.readouterr().out
    status.get(f"/api/executions?{path}=1")

    assert_one_plain_line(first)
    assert_one_plain_line(capsys.readouterr().out)


@pytest.mark.parametrize("method", ['GET"', "GET,", "{}", "X" * 1000, "\x1b[31m"])
def test_no_method_writes_into_the_log(status: Function, capsys: pytest.CaptureFixture[str], method: str) -> None:
    status.ask(method, "/api/executions")

    assert_one_plain_line(capsys.readouterr().out)


def assert_one_plain_line(written: str) -> None:
    """One line, of printable ASCII, with the keys that a request's line has and no other."""
    (line,) = written.splitlines()
    assert line.isascii()
    assert line.isprintable()
    logged = json.loads(line)
    assert set(logged) == {"severity", "message", "request_id", "method", "status", "milliseconds"}
    assert (logged["severity"], logged["message"]) == ("INFO", "request")
    assert len(line) < 500


@pytest.mark.parametrize("origin", [PAGE, OTHER_PAGE, "https://evil.test", "null", None])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE"])
def test_no_page_ever_calls_with_cookies(status: Function, origin: str | None, method: str) -> None:
    headers = {"Origin": origin, "Cookie": "a=b"} if origin else {}

    answer = status.ask(method, "/api/executions", headers=headers)

    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if origin in (PAGE, OTHER_PAGE) else None)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "NULL",
        "*",
        "https://page.test.evil.test",
        "https://evilpage.test",
        "https://evil.test/https://page.test",
        "https://page.test@evil.test",
        "https://page.test:443",
        "https://page.test:8443",
        "http://page.test",
        "HTTPS://PAGE.TEST",
        "https://page.test/",
        "https://page.test.",
        "https://page.test, https://evil.test",
        f"{PAGE} {OTHER_PAGE}",
        "https://p\u0430ge.test".encode().decode("latin-1"),
        "https://page.test\t",
        "file://",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_only_an_origin_to_the_letter_may_call(status: Function, origin: str, method: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}

    answer = status.ask(method, "/api/executions", headers=headers)

    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]
    assert answer.headers["Vary"] == "Origin"
