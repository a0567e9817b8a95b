"""What the user reads: lines on standard output, and remarks on standard error."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(f"{text}\n")


def say_ok(what: str) -> None:
    """Report a check that passed."""
    say(f"  ok    {what}")


def say_fail(what: str) -> None:
    """Report a check that failed; `what` ends with how to fix it."""
    say(f"  FAIL  {what}")


def ask(question: str) -> str:
    """The line that the user types; empty when there is nobody to ask."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()
