"""The rules that order outcomes, and what the program says of odd controls and options."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from tests.contract.gemini_standin.client import Gemini


def test_a_prompt_meets_the_outcomes_in_turn_and_then_succeeds(gemini: Gemini) -> None:
    gemini.rule(match="fox", outcomes=["server_error", "rate_limited"])

    statuses = {
        prompt: [gemini.ask(prompt).status_code for _ in range(4)] for prompt in ("A red fox", "A grey fox", "An owl")
    }

    assert statuses == {
        "A red fox": [500, 429, 200, 200],
        "A grey fox": [500, 429, 200, 200],
        "An owl": [200, 200, 200, 200],
    }


def test_the_first_rule_that_matches_decides(gemini: Gemini) -> None:
    gemini.rule(match="fox", outcomes=["overloaded"])
    gemini.rule(match=None, outcomes=["server_error", "server_error"])

    statuses = [gemini.ask(prompt).status_code for prompt in ("fox", "fox", "owl")]

    assert statuses == [503, 200, 500]


def test_a_rate_meets_about_that_share_of_calls_and_the_seed_repeats_it(gemini: Gemini) -> None:
    def outcomes(seed: int) -> list[int]:
        gemini.reset()
        gemini.rule(match=None, outcomes=["bad_request", "not_found"], rate=0.5, seed=seed)
        return [gemini.ask(f"Prompt {n}", "gemini-3.1-flash-image", imageSize="512").status_code for n in range(60)]

    first, again, other = outcomes(1), outcomes(1), outcomes(2)

    counts = Counter(first)
    assert first == again
    assert first != other
    assert 15 <= counts[200] <= 45
    assert counts[400] > 0
    assert counts[404] > 0


def test_rules_are_listed_and_forgotten(gemini: Gemini) -> None:
    gemini.rule(outcomes=["ok"], rate=0.1, seed=7)

    listed = requests.get(f"{gemini.url}/_local/faults", timeout=5).json()
    gemini.reset()

    assert listed == [{"match": None, "outcomes": ["ok"], "rate": 0.1, "seed": 7}]
    assert requests.get(f"{gemini.url}/_local/faults", timeout=5).json() == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"outcomes": ["explode"]}, "server_error"),
        ({"outcomes": [["ok"]]}, "server_error"),
        ({"outcomes": []}, "server_error"),
        ({"outcomes": "ok"}, "server_error"),
        ({}, "server_error"),
        ({"outcomes": ["ok"], "rate": 2}, "rate"),
        ({"outcomes": ["ok"], "rate": True}, "rate"),
        ({"outcomes": ["ok"], "seed": "1"}, "seed"),
        ({"outcomes": ["ok"], "match": 5}, "match"),
        ({"outcomes": ["ok"], "match": ""}, "match"),
        ({"outcomes": ["ok"], "often": True}, "often"),
    ],
)
def test_a_malformed_rule_is_refused_and_says_why(gemini: Gemini, rule: dict[str, Any], said: str) -> None:
    answer = gemini.rule(**rule)

    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert gemini.ask().status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'"ok"', b""])
def test_a_rule_that_is_no_json_object_is_refused(gemini: Gemini, body: bytes) -> None:
    answer = requests.post(f"{gemini.url}/_local/faults", data=body, timeout=5)

    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]


def test_a_busy_port_and_an_odd_latency_end_the_program_with_a_sentence(gemini: Gemini) -> None:
    port = gemini.url.rpartition(":")[2]
    run = [
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "emulators.gemini", "--port", port, "--latency", latency],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        for latency in ("1", "3-1")
    ]

    assert run[0].returncode == 1
    assert run[0].stderr.count("\n") == 1
    assert port in run[0].stderr
    assert run[1].returncode == 2
    assert "not a range of seconds" in run[1].stderr
