"""Bytes that no HTTP client sends: broken lines, lengths that contradict each other, chunks that are none."""

from __future__ import annotations

from tests.hostile.row import MALFORMED, NOT_FOUND, Transport

HEAD = b"METHOD PATH HTTP/1.1\r\nHost: function.test\r\nAuthorization: Bearer TOKEN\r\nConnection: close\r\n"
TYPED = HEAD + b"Content-Type: application/json\r\n"
CHUNKED = TYPED + b"Transfer-Encoding: chunked\r\n\r\n"
#: What gunicorn refuses by itself; Google's front end, which stands before it in the cloud, does too.
BAD, EXPECTED, HEADERS = frozenset({400}), frozenset({417}), frozenset({431})
#: The one answer of a server that begins with a 5: RFC 9112 wants it for a transfer coding that is not known.
CODING = frozenset({400, 501})
CLOSED = frozenset({0, 400})

TRANSPORTS = [
    Transport("nothing", b"", CLOSED),
    Transport("an empty line", b"\r\n\r\n", CLOSED),
    Transport("one letter", b"G", CLOSED),
    Transport("half a head", HEAD[:40], CLOSED),
    Transport("a head without an end", HEAD, CLOSED),
    Transport("random bytes", bytes(range(256)) * 4, BAD),
    Transport("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300), CLOSED),
    Transport("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20), CLOSED),
    Transport("HTTP/0.9", b"METHOD PATH\r\n\r\n", BAD),
    Transport("HTTP/1.10", HEAD.replace(b"HTTP/1.1", b"HTTP/1.10") + b"\r\n", BAD),
    Transport("HTTP/3.0", HEAD.replace(b"HTTP/1.1", b"HTTP/3.0") + b"\r\n", BAD),
    Transport("HTTP of letters", HEAD.replace(b"HTTP/1.1", b"HTTP/x.y") + b"\r\n", BAD),
    Transport("another protocol", HEAD.replace(b"HTTP/1.1", b"ICAP/1.0") + b"\r\n", BAD),
    Transport("the proxy protocol", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + HEAD + b"\r\n", BAD),
    Transport("a method in small letters", HEAD.replace(b"METHOD", b"get") + b"\r\n", BAD),
    Transport("a method with a slash", HEAD.replace(b"METHOD", b"GE/T") + b"\r\n", BAD),
    Transport("a method of five thousand letters", HEAD.replace(b"METHOD", b"G" * 5000) + b"\r\n", BAD),
    Transport("a space in the path", HEAD.replace(b"PATH", b"PATH a") + b"\r\n", BAD),
    Transport("a control character in the path", HEAD.replace(b"PATH", b"PATH\x01") + b"\r\n", BAD),
    Transport("a byte beyond ASCII in the path", HEAD.replace(b"PATH", b"PATH\xff") + b"\r\n", BAD),
    Transport("no path", HEAD.replace(b"PATH", b"") + b"\r\n", BAD),
    Transport("a path without a slash", HEAD.replace(b"PATH", b"api") + b"\r\n", BAD),
    Transport("a star for a path", HEAD.replace(b"PATH", b"*") + b"\r\n", BAD),
    Transport("a query for a path", HEAD.replace(b"PATH", b"?a=b") + b"\r\n", BAD),
    Transport("half an address for a path", HEAD.replace(b"PATH", b"http://[::1/api") + b"\r\n", BAD),
    Transport("lines that end in a line feed", (HEAD + b"\r\n").replace(b"\r\n", b"\n"), BAD),
    Transport("a header without a colon", HEAD + b"nonsense\r\n\r\n", BAD),
    Transport("a header without a name", HEAD + b": x\r\n\r\n", BAD),
    Transport("a space before the colon", HEAD + b"X-A : x\r\n\r\n", BAD),
    Transport("a header over two lines", HEAD + b"X-A: x\r\n y\r\n\r\n", BAD),
    Transport("a zero byte in a header", HEAD + b"X-A: x\x00y\r\n\r\n", BAD),
    Transport("a control character in a header", HEAD + b"X-A: x\x08y\r\n\r\n", BAD),
    Transport("a bare carriage return in a header", HEAD + b"X-A: x\ry\r\n\r\n", BAD),
    Transport("a header of nine thousand letters", HEAD + b"X-A: " + b"x" * 9000 + b"\r\n\r\n", HEADERS),
    Transport("two hundred headers", HEAD + b"X-A: x\r\n" * 200 + b"\r\n", HEADERS),
    Transport("a megabyte of headers", HEAD + b"X-A: xxxxxxxxxx\r\n" * 60_000 + b"\r\n", HEADERS),
    Transport("two hosts", HEAD + b"Host: other.test\r\n\r\n", BAD),
    Transport("two types", TYPED + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", BAD),
    Transport("an expectation that nobody has", HEAD + b"Expect: miracles\r\n\r\n", EXPECTED),
    Transport("an expectation of nothing", HEAD + b"Expect:\r\n\r\n", EXPECTED),
    Transport("a length of nothing", TYPED + b"Content-Length: \r\n\r\n{}", BAD),
    Transport("a length below zero", TYPED + b"Content-Length: -1\r\n\r\n{}", BAD),
    Transport("a length with a sign", TYPED + b"Content-Length: +2\r\n\r\n{}", BAD),
    Transport("a length in hexadecimal", TYPED + b"Content-Length: 0x2\r\n\r\n{}", BAD),
    Transport("a length of letters", TYPED + b"Content-Length: two\r\n\r\n{}", BAD),
    Transport("a length with an underscore", TYPED + b"Content-Length: 1_0\r\n\r\n{}", BAD),
    Transport("two lengths", TYPED + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", BAD),
    Transport("two lengths in one", TYPED + b"Content-Length: 2, 2\r\n\r\n{}", BAD),
    Transport("a length and chunks", TYPED + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    Transport("a coding that nobody knows", TYPED + b"Transfer-Encoding: chonked\r\n\r\n0\r\n\r\n", CODING),
    Transport("a coding of nothing", TYPED + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", CODING),
    Transport("chunked twice", TYPED + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", CODING),
    Transport("chunked in HTTP/1.0", CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n", BAD),
]

#: These the framework would answer by itself: no route of its own leads to the function, or it would redirect.
ELSEWHERE = [
    Transport("a line end in the path", HEAD.replace(b"PATH", b"/api%0d%0aSet-Cookie:a=b") + b"\r\n", code=NOT_FOUND),
    Transport("what browsers ask for", HEAD.replace(b"PATH", b"/favicon.ico") + b"\r\n", code=NOT_FOUND),
    Transport("what crawlers ask for", HEAD.replace(b"PATH", b"/robots.txt") + b"\r\n", code=NOT_FOUND),
    Transport("another server's address", HEAD.replace(b"PATH", b"http://evil.test") + b"\r\n", code=NOT_FOUND),
    Transport("another server's path", HEAD.replace(b"PATH", b"http://evil.test/api/x") + b"\r\n", code=NOT_FOUND),
]

#: These come as far as the function. Where it reads no body, its answer is the one without.
TORN = [
    Transport("a body that is shorter than its length", TYPED + b"Content-Length: 100\r\n\r\n{}", code=MALFORMED),
    Transport("no body for its length", TYPED + b"Content-Length: 5\r\n\r\n", code=MALFORMED),
    Transport("a compressed transfer", TYPED + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", code=MALFORMED),
    Transport("a chunk without a size", CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", code=MALFORMED),
    Transport("a chunk of minus one", CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n", code=MALFORMED),
    Transport("a chunk of too many digits", CHUNKED + b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n", code=MALFORMED),
    Transport(
        "a chunk with half a megabyte of extensions", CHUNKED + b"2;" + b"a" * 500_000 + b"\r\n{}", code=MALFORMED
    ),
    Transport("a chunk that is longer than it says", CHUNKED + b"1\r\n{}\r\n0\r\n\r\n", code=MALFORMED),
    Transport("chunks without an end", CHUNKED + b"2\r\n{}\r\n", code=MALFORMED),
    Transport("a chunk cut in two", CHUNKED + b"64\r\n{}", code=MALFORMED),
    Transport("trailers that are none", CHUNKED + b"2\r\n{}\r\n0\r\nnonsense\r\n\r\n", code=MALFORMED),
]
