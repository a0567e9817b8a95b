"""How the tests are shared out among processes: what shares emulators or a stack runs in one; they start once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.groups import ScheduleByGroup, rank_of

if TYPE_CHECKING:
    from xdist.remote import Producer  # type: ignore[import-untyped] # it has no py.typed


def pytest_configure(config: pytest.Config) -> None:
    """Let the longest groups begin first, not those of the most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ScheduleByGroup:
    return ScheduleByGroup(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first; within a group, and behind them all, as collected."""
    items.sort(key=lambda item: rank_of(item.nodeid))
