"""The stack of all tests, at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.harness.stack import Stack


@pytest.fixture(scope="session")
def stack(stack: Stack) -> Stack:
    """One execution has run on it, so that every process has served, and the queue has shown its token."""
    stack.execute(["a lighthouse", "a harbour"])
    return stack
