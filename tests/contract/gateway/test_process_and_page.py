"""The gateway as a program, and the page that it serves beside the API."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.contract.gateway.conftest import FakeFunction

    Starter = Callable[..., AbstractContextManager[str]]


def test_a_busy_port_ends_it_with_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "local.gateway",
            "--port",
            str(port),
            "--submit",
            "http://x",
            "--status",
            "http://y",
        ]

        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - our own program

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert f"127.0.0.1:{port}" in ended.stderr


def test_it_ends_within_a_second_while_a_request_is_under_way(start_gateway: Starter, status: FakeFunction) -> None:
    status.seen.clear()
    status.answer = lambda _handler: time.sleep(4)
    with start_gateway("http://127.0.0.1:1", status.url) as gateway:
        threading.Thread(target=ignoring_errors, args=(f"{gateway}/api/executions",), daemon=True).start()
        deadline = time.monotonic() + 3

        while not status.seen:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_without_a_page_the_root_says_how_to_use_the_api(gateway: str) -> None:
    answer = requests.get(gateway, timeout=5)

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "/token?user=" in answer.text
    assert f"curl -s {gateway}/api/workflows/" in answer.text


def test_the_page_s_files_are_served_and_nothing_outside_its_folder(start_gateway: Starter, tmp_path: Path) -> None:
    web = tmp_path / "web"
    (web / "css").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (web / "index.html").write_text("<p>page</p>")
    (web / "css" / "page.css").write_text("p {}")
    (web / "link.txt").symlink_to(tmp_path / "secret.txt")
    outside = ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/link.txt", "/css", "/no-such-page"]

    with start_gateway("http://127.0.0.1:1", "http://127.0.0.1:1", str(web)) as gateway:
        page, style, *others = [get_as_is(gateway, path) for path in ["/", "/css/page.css", *outside]]

    assert page == (200, "text/html", b"<p>page</p>")
    assert style == (200, "text/css", b"p {}")
    assert [status for status, _, _ in others] == [404] * len(outside)


def get_as_is(gateway: str, path: str) -> tuple[int, str, bytes]:
    """Status, type and body of a GET whose path no client has tidied up."""
    connection = http.client.HTTPConnection(urlsplit(gateway).netloc, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers.get_content_type(), answer.read()
    finally:
        connection.close()


def ignoring_errors(url: str) -> None:
    """Calls an address whose server is about to go away."""
    try:
        requests.get(url, timeout=5)
    except requests.RequestException:
        return
