"""One stack for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hostile.stack import a_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hostile.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack; one execution has run on it, so that every process has served, and the queue has shown its token."""
    with a_stack(tmp_path_factory.mktemp("stack")) as running:
        running.executed(["a lighthouse", "a harbour"])
        yield running
