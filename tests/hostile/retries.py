"""Bodies for retry, and queries for what is read: malformed, or breaking their rules."""

from __future__ import annotations

import gzip
import json

from tests.hostile.row import INVALID, JSON_TYPE, MALFORMED, NO_TYPE, TOO_LARGE, Row

_RETRIES: list[tuple[str, bytes, str]] = [
    ("nothing of JSON", b"nothing", MALFORMED),
    ("a list", b"[]", MALFORMED),
    ("half an object", b'{"status": ["fai', MALFORMED),
    ("deep lists", b"[" * 100_000, MALFORMED),
    ("no UTF-8", b'{"api_key": "\xff"}', MALFORMED),
    ("UTF-16", json.dumps({}).encode("utf-16"), MALFORMED),
    ("a name twice", b'{"status": ["failed"], "status": ["blocked"]}', MALFORMED),
    ("more values than any batch has", json.dumps({"batch_index": [[]] * 130_000}).encode(), TOO_LARGE),
    ("an unknown status", b'{"status": ["done"]}', INVALID),
    ("a status that cannot be retried", b'{"status": ["completed"]}', INVALID),
    ("a status as an object", b'{"status": {}}', INVALID),
    ("a status as a string", b'{"status": "failed"}', INVALID),
    ("a status in a list in a list", b'{"status": [["failed"]]}', INVALID),
    ("no status", b'{"status": []}', INVALID),
    ("an unknown code", b'{"error_codes": ["OUT_OF_PAINT"]}', INVALID),
    ("a code as a number", b'{"error_codes": [500]}', INVALID),
    ("no codes", b'{"error_codes": []}', INVALID),
    ("an index as NaN", b'{"batch_index": [NaN]}', INVALID),
    ("an index as infinity", b'{"batch_index": [1e999]}', INVALID),
    ("an index as true", b'{"batch_index": [true]}', INVALID),
    ("an index as a string", b'{"batch_index": ["0"]}', INVALID),
    ("an index as a float", b'{"batch_index": [0.0]}', INVALID),
    ("an index as half a number", b'{"batch_index": [0.5]}', INVALID),
    ("an index below zero", b'{"batch_index": [-1]}', INVALID),
    ("no indexes", b'{"batch_index": []}', INVALID),
    ("half a character in a key", b'{"api_key": "\\ud800"}', INVALID),
    ("a line break in a key", b'{"api_key": "a\\r\\nb: c"}', INVALID),
    ("a key as a number", b'{"api_key": 7}', INVALID),
    ("a key of a megabyte", json.dumps({"api_key": "k" * 1_000_000}).encode(), INVALID),
    ("an unknown field", b'{"force": true}', INVALID),
    ("twenty thousand unknown fields", json.dumps({f"x{n}": 1 for n in range(20_000)}).encode(), INVALID),
]

RETRIES = [
    *(Row(f"a retry: {name}", code, sent, JSON_TYPE) for name, sent, code in _RETRIES),
    Row("a retry as text", NO_TYPE, b"{}", "text/plain"),
    Row("a retry as a form", NO_TYPE, b"status=failed", "application/x-www-form-urlencoded"),
    Row("a retry without a type", NO_TYPE, b"{}"),
    Row("a compressed retry", NO_TYPE, gzip.compress(b"{}"), JSON_TYPE, (("Content-Encoding", "gzip"),)),
]

#: The parameter that is at fault, by a query for an execution.
SHOWN: list[tuple[str, str]] = [
    ("limit=0", "limit"),
    ("limit=501", "limit"),
    ("limit=ten", "limit"),
    ("limit=-1", "limit"),
    ("limit=1.0", "limit"),
    ("limit=1e2", "limit"),
    ("limit=0x10", "limit"),
    ("limit=%00", "limit"),
    ("limit=٣", "limit"),
    ("limit=" + "9" * 5000, "limit"),
    ("limit=1&limit=2", "limit"),
    ("limit=1&limit=1", "limit"),
    ("cursor=1&cursor=2", "cursor"),
    ("cursor=x", "cursor"),
    ("cursor=-1", "cursor"),
    ("cursor=1.5", "cursor"),
    ("cursor=1000000", "cursor"),
    ("cursor=../../etc", "cursor"),
    ("status=done", "status"),
    ("status=failed,done", "status"),
    ("status=failed&status=done", "status"),
    ("status[]=failed&status[]=done", "status"),
    ("status=failed;blocked", "status"),
    ("status=failed+blocked", "status"),
    ("status=FAILED", "status"),
    ("status=%ED%A0%80", "status"),
    ("since=x", "since"),
    ("since=WzEsMiwzXQ", "since"),
    ("since=bnVsbA", "since"),
    ("since=%C3%A9", "since"),
    ("since=%00", "since"),
    # A moment before the calendar begins, once its offset is taken off.
    ("since=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgbnVsbCwgIiJd", "since"),
    # One without an offset.
    ("since=WyIyMDI2LTExLTIyVDAwOjAwOjAwIiwgbnVsbCwgIiJd", "since"),
    # Lists in lists.
    ("since=" + "W1tb" * 1000, "since"),
    ("page=2", "page"),
    ("limit[]=2", "limit[]"),
    ("status[a]=failed", "status[a]"),
    ("status[=failed", "status["),
    ("[]=failed", "[]"),
    ("Limit=2", "Limit"),
    ("%ED%A0%80=2", "%ED%A0%80"),
    ("a=" + "b" * 8000, "a"),
    ("x" * 8000, "x" * 80),
    ("%3Cscript%3E=1", "<script>"),
    ("a=" + "b" * 9000, "query"),
    ("&".join(f"limit={n}" for n in range(2000)), "query"),
]

#: The same for the list of executions.
LISTED: list[tuple[str, str]] = [
    *(row for row in SHOWN if row[1] in ("limit", "page", "query", "a")),
    ("cursor=yesterday", "cursor"),
    ("cursor=2026-11-22", "cursor"),
    ("cursor=2026-11-22T12:00:00", "cursor"),
    ("cursor=2026-13-45T12:00:00Z", "cursor"),
    ("cursor=0001-01-01T00:00:00%2B14:00", "cursor"),
    ("cursor=9999-12-31T23:59:59-14:00", "cursor"),
    ("cursor=" + "9" * 5000, "cursor"),
    ("cursor=%00", "cursor"),
    ("status=pending", "status"),
    ("since=x", "since"),
]

#: For what takes no query at all.
NONE: list[tuple[str, str]] = [
    ("limit=1", "limit"),
    ("cursor=0", "cursor"),
    ("format=csv", "format"),
    ("token=eyJ", "token"),
    ("a=" + "b" * 9000, "query"),
    ("%00=%00", "\x00"),
]


def queries(table: list[tuple[str, str]]) -> tuple[Row, ...]:
    """The rows of such a table."""
    return tuple(Row(f"a query of {len(query)}: {query[:60]}", INVALID, query=query) for query, _ in table)
