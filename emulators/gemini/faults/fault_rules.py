"""The fault rules: tests post them to choose the outcomes of calls; they stay until they are deleted."""

from __future__ import annotations

import collections
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.outcomes import BY_NAME, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("match", "outcomes", "rate", "seed")


class MalformedRuleError(ValueError):
    """An invalid rule; the message says why, in a sentence for people."""


@dataclass(frozen=True)
class FaultRule:
    """One rule: without `rate`, a prompt gets the outcomes in turn, then `ok`; with it, each call gets one by chance.

    `match` is part of a prompt, None for every prompt. Chance depends on the seed, the prompt and the number of its
    calls so far: the same run gives the same faults, even if its calls overlap. `call_counts` is by prompt.
    """

    match: str | None
    outcomes: tuple[Outcome, ...]
    rate: float | None = None
    seed: int = 0
    call_counts: collections.Counter[str] = field(default_factory=collections.Counter, repr=False, compare=False)

    def matches(self, prompt: str) -> bool:
        """Whether the rule applies to this prompt."""
        return self.match is None or self.match in prompt

    def next_outcome(self, prompt: str) -> Outcome:
        """Choose the outcome of the next call with this prompt."""
        turn = self.call_counts[prompt]
        self.call_counts[prompt] += 1
        if self.rate is None:
            return self.outcomes[turn] if turn < len(self.outcomes) else Outcome.OK
        rng = random.Random(f"{self.seed}/{turn}/{prompt}".encode(errors="surrogatepass"))  # noqa: S311 - not for cryptography
        return rng.choice(self.outcomes) if rng.random() < self.rate else Outcome.OK

    def as_json(self) -> dict[str, Any]:
        """The rule as the JSON value to post."""
        return {
            "match": self.match,
            "outcomes": [outcome.value for outcome in self.outcomes],
            "rate": self.rate,
            "seed": self.seed,
        }


class FaultRules:
    """All rules in the order of their arrival: the first that matches a prompt applies."""

    def __init__(self) -> None:
        self.rules: list[FaultRule] = []

    def choose_outcome(self, prompt: str) -> Outcome:
        """Choose the outcome of a call with this prompt; `ok` without a matching rule."""
        for rule in self.rules:
            if rule.matches(prompt):
                return rule.next_outcome(prompt)
        return Outcome.OK


def read_rule(control: Any) -> FaultRule:
    """Parse a rule from a JSON value; raises `MalformedRuleError`."""
    if not isinstance(control, dict):
        raise MalformedRuleError(f"A rule is a JSON object with the fields {', '.join(FIELDS)}.")
    if unknown := sorted(set(control) - set(FIELDS)):
        raise MalformedRuleError(f"Unknown field {unknown[0]!r}; the known ones are {', '.join(FIELDS)}.")
    match, seed = control.get("match"), control.get("seed", 0)
    if not (match is None or (isinstance(match, str) and match)):
        raise MalformedRuleError("match must be part of a prompt, or null for every prompt.")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise MalformedRuleError("seed must be a whole number.")
    return FaultRule(match, _outcomes(control), _rate(control), seed)


def _rate(control: Mapping[str, Any]) -> float | None:
    rate = control.get("rate")
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise MalformedRuleError("rate must be a number from 0 to 1, or left out.")
    return float(rate)


def _outcomes(control: Mapping[str, Any]) -> tuple[Outcome, ...]:
    names = control.get("outcomes")
    known = f"The known ones are {', '.join(BY_NAME)}."
    if not isinstance(names, list) or not names:
        raise MalformedRuleError(f"outcomes must be a list of at least one outcome. {known}")
    for name in names:
        if not isinstance(name, str) or name not in BY_NAME:
            raise MalformedRuleError(f"Unknown outcome {name!r}. {known}")
    return tuple(BY_NAME[name] for name in names)
