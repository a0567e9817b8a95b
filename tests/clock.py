"""`pytest -p tests.clock --clock 2030-02-15`: the tests on a day to come, as they will be run then.

The day begins before anything else is imported, since libraries look at the date when they are. Only the date is
another: time passes, and clocks that tell spans are left alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import time_machine

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--clock", type=datetime.fromisoformat, required=True, help="the day, such as 2030-02-15")


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin the day."""
    day: datetime = early_config.known_args_namespace.clock
    time_machine.travel(day.replace(hour=12, tzinfo=UTC)).start()
