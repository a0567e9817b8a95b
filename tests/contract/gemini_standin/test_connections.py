"""Answers that are late, cut or never come, and how calls look while they run."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.contract.gemini_standin.client import FLASH, Gemini, run_gemini


def test_a_slow_answer_takes_three_times_the_latency() -> None:
    with run_gemini("--latency", "0.3") as slow:
        slow.rule(match=None, outcomes=["ok", "slow"])
        took = []
        for _ in range(2):
            begun = time.monotonic()
            slow.ask(model="gemini-3.1-flash-image", imageSize="512")
            took.append(time.monotonic() - begun)

        assert took[0] >= 0.3
        assert took[1] >= 0.9


def test_the_journal_shows_a_running_call_without_an_end() -> None:
    with run_gemini("--latency", "0.5") as slow, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(slow.ask, "patience")
        while not slow.calls():
            time.sleep(0.02)
        (running,) = slow.calls()
        assert answer.result().status_code == 200
        (finished,) = slow.calls()

    assert (running["prompt"], running["end"], running["status"]) == ("patience", None, None)
    assert finished["end"] - finished["start"] >= 0.5


def test_a_server_timeout_shorter_than_the_latency_is_a_deadline_exceeded() -> None:
    with run_gemini("--latency", "1.5") as slow:
        answer = slow.post({"contents": [{"parts": [{"text": "x"}]}]}, headers={"X-Server-Timeout": "1"})

        assert answer.json()["error"]["status"] == "DEADLINE_EXCEEDED"
        assert slow.calls()[0]["outcome"] == "deadline_exceeded"


def test_a_hanging_call_ends_when_its_client_goes_away(gemini: Gemini) -> None:
    gemini.rule(match=None, outcomes=["timeout"])

    with pytest.raises(requests.ReadTimeout):
        gemini.post({"contents": [{"parts": [{"text": "hang"}]}]}, timeout=0.5)

    for _ in range(50):
        (call,) = gemini.calls()
        if call["end"] is not None:
            break
        time.sleep(0.05)
    assert call["outcome"] == "timeout"
    assert call["status"] is None
    assert 0.3 < call["end"] - call["start"] < 2


def test_a_hanging_call_does_not_hold_up_others_nor_the_end() -> None:
    with run_gemini("--latency", "0") as other:
        other.rule(match="hang", outcomes=["timeout"])
        with requests.Session() as session, pytest.raises(requests.ReadTimeout):
            session.post(
                f"{other.url}/v1beta/models/{FLASH}:generateContent?key=k",
                json={"contents": [{"parts": [{"text": "hang"}]}]},
                timeout=0.2,
            )
        assert other.ask("go").status_code == 200


def test_a_body_can_end_before_its_announced_length(gemini: Gemini) -> None:
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        gemini.meet("truncated")

    assert gemini.calls()[0]["outcome"] == "truncated"


def test_a_body_can_be_cut_json(gemini: Gemini) -> None:
    answer = gemini.meet("cut_json")

    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_a_body_can_be_empty(gemini: Gemini) -> None:
    answer = gemini.meet("empty_body")

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("html_error", 502),
        ("html_timeout", 408),
        ("html_too_large", 413),
        ("html_rate_limited", 429),
        ("redirect", 302),
    ],
)
def test_a_front_end_can_answer_in_html(gemini: Gemini, outcome: str, status: int) -> None:
    gemini.rule(match=None, outcomes=[outcome])

    answer = requests.post(
        f"{gemini.url}/v1beta/models/{FLASH}:generateContent?key=k",
        json={"contents": [{"parts": [{"text": "x"}]}]},
        timeout=5,
        allow_redirects=False,
    )

    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert ("Location" in answer.headers) is (status == 302)
    assert ("Retry-After" in answer.headers) is (status == 429)


def test_an_answer_can_be_compressed(gemini: Gemini) -> None:
    answer = gemini.meet("gzip")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json()["modelVersion"] == FLASH


def streamed(gemini: Gemini) -> requests.Response:
    return requests.post(
        f"{gemini.url}/v1beta/models/{FLASH}:generateContent?key=k",
        json={"contents": [{"parts": [{"text": "x"}]}]},
        timeout=5,
        stream=True,
    )


def test_a_few_kilobytes_can_stand_for_ten_gigabytes(gemini: Gemini) -> None:
    gemini.rule(match=None, outcomes=["gzip_bomb"])

    with streamed(gemini) as answer:
        packed = answer.raw.read(decode_content=False)

    assert len(packed) < 100_000
    assert len(gzip.decompress(packed)) * 1000 > 9_000_000_000


def test_an_answer_can_go_on_and_on(gemini: Gemini) -> None:
    gemini.rule(match=None, outcomes=["huge"])

    with streamed(gemini) as answer:
        assert sum(map(len, answer.iter_content(1_000_000))) > 200_000_000


def test_a_connection_can_be_reset(gemini: Gemini) -> None:
    with pytest.raises(requests.ConnectionError, match="reset"):
        gemini.meet("connection_reset")

    (call,) = gemini.calls()
    assert (call["outcome"], call["status"]) == ("connection_reset", None)


def test_an_answer_can_drip(gemini: Gemini) -> None:
    gemini.rule(match=None, outcomes=["drip"])
    begun = time.monotonic()

    with requests.post(
        f"{gemini.url}/v1beta/models/{FLASH}:generateContent?key=k",
        json={"contents": [{"parts": [{"text": "drip"}]}]},
        stream=True,
        timeout=5,
    ) as answer:
        pieces = [next(answer.iter_content(16)) for _ in range(4)]

    assert sum(map(len, pieces)) < 100
    assert 0.5 < time.monotonic() - begun < 3
