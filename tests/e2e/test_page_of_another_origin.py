"""A page on another port of this machine, in a real browser: it submits, polls to the end, and reads errors."""

from __future__ import annotations

import functools
import shutil
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.harness.stack import Stack

#: What a page's script does with the public API: one request, its status, what it may read of it.
ASK = """async ([token, method, url, body]) => {
  const key = "k" + Date.now();
  const headers = {Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Idempotency-Key": key};
  headers.traceparent = "00-105445aa7843bc8bf206b12000100000-0000000000000001-01";
  try {
    const answer = await fetch(url, {method, headers, body: body && JSON.stringify(body)});
    const readable = ["ETag", "Location", "X-Request-Id"].filter((name) => answer.headers.has(name));
    return {status: answer.status, text: await answer.text(), readable};
  } catch (error) {
    return {status: 0, text: String(error), readable: []};
  }
}"""
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


class Quiet(SimpleHTTPRequestHandler):
    """A file server that says nothing."""

    def log_message(self, *_arguments: Any) -> None:
        return


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "This test needs a browser: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *QUIET])
        yield browser
        browser.close()


@contextmanager
def a_page(browser: Browser, folder: Path, host: str) -> Iterator[Page]:
    """An empty page on a port of its own."""
    (folder / "index.html").write_text("<!doctype html><title>A page</title><link rel=icon href='data:,'>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page = browser.new_page()
    try:
        page.goto(f"http://{host}:{server.server_address[1]}/")
        yield page
    finally:
        page.close()
        server.shutdown()
        thread.join()
        server.server_close()


def ask(page: Page, token: str, method: str, url: str, body: object = None) -> dict[str, Any]:
    answer: dict[str, Any] = page.evaluate(ASK, [token, method, url, body])
    return answer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_submits_polls_to_the_end_and_reads_errors(stack: Stack, browser: Browser, tmp_path: Path, host: str) -> None:
    token = stack.client("ada").token
    execute = f"{stack.gateway}/api/workflows/{stack.workflow_id}/execute"

    with a_page(browser, tmp_path, host) as page:
        accepted = ask(page, token, "POST", execute, {"prompts": ["a fox", "a hen"], "api_key": "a-key"})
        data = page.evaluate("JSON.parse", accepted["text"])["data"]
        for _ in range(200):
            shown = ask(page, token, "GET", stack.gateway + data["urls"]["self"])
            if page.evaluate("JSON.parse", shown["text"])["data"]["progress"] == 100:
                break
            page.wait_for_timeout(300)
        [image, _] = page.evaluate("JSON.parse", shown["text"])["data"]["batch_results"]
        size = page.evaluate("async (url) => (await (await fetch(url)).blob()).size", image["result_url"])
        errors = {
            path: ask(page, token, method, stack.gateway + path)
            for method, path in (("GET", "/api/nowhere"), ("DELETE", "/api/executions"), ("GET", "/nowhere"))
        }
        refused = ask(page, "no-token", "POST", execute, {})

    assert (accepted["status"], accepted["readable"]) == (202, ["Location", "X-Request-Id"])
    assert (shown["status"], shown["readable"]) == (200, ["ETag", "X-Request-Id"])
    assert '"status":"completed"' in shown["text"]
    assert size == image["bytes"]
    assert {path: answer["status"] for path, answer in errors.items()} == {
        "/api/nowhere": 404,
        "/api/executions": 405,
        "/nowhere": 404,
    }
    assert "There is nothing at /api/nowhere." in errors["/api/nowhere"]["text"]
    assert (refused["status"], "UNAUTHENTICATED" in refused["text"]) == (401, True)


def test_reads_nothing_when_its_origin_is_not_let_in(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    token = stack.client("ada").token

    # A name of this machine by the browser's own rule, and none of those that are let in.
    with a_page(browser, tmp_path, "page.localhost") as page:
        answer = ask(page, token, "GET", f"{stack.gateway}/api/executions")

    assert (answer["status"], answer["text"]) == (0, "TypeError: Failed to fetch")
