"""The stack of all tests, with a queue that a busy machine can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.harness.stack import Stack

#: So few at once that none of the model's calls takes as long as its timeout, however slow the machine is.
AT_ONCE = 8


@pytest.fixture(scope="session")
def stack(stack: Stack) -> Stack:
    stack.limit_concurrency(AT_ONCE)
    return stack
