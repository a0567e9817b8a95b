"""The rules that say what becomes of which call: posted by tests and demonstrations, kept until they are deleted."""

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
    """A control that cannot be followed; the message says why, in a sentence for people."""


@dataclass(frozen=True)
class Rule:
    """One rule. Without `rate`, a prompt meets the outcomes in turn, then `ok`; with it, each call meets one by chance.

    `match` is part of a prompt, None for every prompt. Chance is a function of the seed, the prompt and how often the
    prompt has come: the same run gives the same faults, however its calls overlap.
    """

    match: str | None
    outcomes: tuple[Outcome, ...]
    rate: float | None = None
    seed: int = 0
    seen: collections.Counter[str] = field(default_factory=collections.Counter, repr=False, compare=False)

    def concerns(self, prompt: str) -> bool:
        """Whether the rule decides about this prompt."""
        return self.match is None or self.match in prompt

    def next(self, prompt: str) -> Outcome:
        """What becomes of the next call with this prompt."""
        turn = self.seen[prompt]
        self.seen[prompt] += 1
        if self.rate is None:
            return self.outcomes[turn] if turn < len(self.outcomes) else Outcome.OK
        dice = random.Random(f"{self.seed}/{turn}/{prompt}".encode(errors="surrogatepass"))  # noqa: S311 - not for cryptography
        return dice.choice(self.outcomes) if dice.random() < self.rate else Outcome.OK

    def described(self) -> dict[str, Any]:
        """The rule as it would be posted."""
        return {
            "match": self.match,
            "outcomes": [outcome.value for outcome in self.outcomes],
            "rate": self.rate,
            "seed": self.seed,
        }


class Faults:
    """All rules, in the order in which they were posted: the first that concerns a prompt decides."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def outcome(self, prompt: str) -> Outcome:
        """What becomes of this call."""
        for rule in self.rules:
            if rule.concerns(prompt):
                return rule.next(prompt)
        return Outcome.OK


def read_rule(control: Any) -> Rule:
    """The rule in a posted JSON value; raises `MalformedRuleError`."""
    if not isinstance(control, dict):
        raise MalformedRuleError(f"A rule is a JSON object with the fields {', '.join(FIELDS)}.")
    if unknown := sorted(set(control) - set(FIELDS)):
        raise MalformedRuleError(f"Unknown field {unknown[0]!r}; the known ones are {', '.join(FIELDS)}.")
    match, seed = control.get("match"), control.get("seed", 0)
    if not (match is None or (isinstance(match, str) and match)):
        raise MalformedRuleError("match must be part of a prompt, or null for every prompt.")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise MalformedRuleError("seed must be a whole number.")
    return Rule(match, _outcomes(control), _rate(control), seed)


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
