"""A small client for the stand-in, in plain HTTP, and a way to start one."""

from __future__ import annotations

import base64
import contextlib
import io
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FLASH, PRO = "gemini-2.5-flash-image", "gemini-3-pro-image"


@dataclass(frozen=True)
class Gemini:
    """The stand-in's address, and what tests do with it again and again."""

    url: str

    def post(
        self,
        body: Any,
        model: str = FLASH,
        *,
        key: str = "test-key",
        timeout: float = 20,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        return requests.post(
            f"{self.url}/v1beta/models/{model}:generateContent",
            json=body,
            headers={"x-goog-api-key": key, **(headers or {})},
            timeout=timeout,
        )

    def ask(self, prompt: str = "A lighthouse", model: str = FLASH, **image_config: str) -> requests.Response:
        return self.post(request(prompt, **image_config), model)

    def meet(self, outcome: str, model: str = FLASH) -> requests.Response:
        """The answer to a call under a rule that orders this outcome."""
        assert self.rule(match=None, outcomes=[outcome]).status_code == 200
        return self.ask(model=model)

    def rule(self, **rule: Any) -> requests.Response:
        return requests.post(f"{self.url}/_local/faults", json=rule, timeout=5)

    def calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = requests.get(f"{self.url}/_local/calls", timeout=5).json()
        return calls

    def reset(self) -> None:
        for control in ("faults", "calls"):
            assert requests.delete(f"{self.url}/_local/{control}", timeout=5).status_code == 204


def request(prompt: str, *parts: dict[str, Any], **image_config: str) -> dict[str, Any]:
    """The body of a request for a picture and nothing else."""
    config: dict[str, Any] = {"responseModalities": ["IMAGE"]}
    if image_config:
        config["imageConfig"] = image_config
    return {"contents": [{"role": "user", "parts": [*parts, {"text": prompt}]}], "generationConfig": config}


def parts(answer: requests.Response) -> list[dict[str, Any]]:
    """The parts of the only candidate."""
    assert answer.status_code == 200, answer.text
    (candidate,) = answer.json()["candidates"]
    found: list[dict[str, Any]] = candidate["content"]["parts"]
    return found


def picture(part: dict[str, Any]) -> Image.Image:
    """The picture in a part; the declared type must be that of the bytes."""
    data = base64.b64decode(part["inlineData"]["data"], validate=True)
    image = Image.open(io.BytesIO(data))
    assert Image.MIME[image.format or ""] == part["inlineData"]["mimeType"]
    return image


def reference(color: tuple[int, int, int], size: tuple[int, int] = (64, 64), kind: str = "PNG") -> dict[str, Any]:
    """A part with an image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    data = base64.b64encode(file.getvalue()).decode()
    return {"inlineData": {"mimeType": f"image/{kind.lower()}", "data": data}}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def run_gemini(*options: str) -> Iterator[Gemini]:
    """A stand-in as a process of its own, with these options."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "emulators.gemini", "--port", str(port), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        try:
            _wait_until_healthy(url)
            yield Gemini(url)
        finally:
            process.terminate()
        _, errors = process.communicate(timeout=3)
        assert process.returncode == 0
        # Whatever clients did to it in the meantime, it had nothing to complain about.
        assert errors == "", errors


def _wait_until_healthy(url: str) -> None:
    for _ in range(100):
        try:
            requests.get(f"{url}/_local/health", timeout=1)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{url} did not come up within ten seconds")
