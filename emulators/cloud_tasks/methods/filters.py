"""The filter of ListQueues: comparisons joined by AND."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulators.cloud_tasks.wire.errors import ApiError, invalid
from emulators.cloud_tasks.wire.protos import QueueState

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.cloud_tasks.wire.protos import Queue

_COMPARISON = re.compile(r"\s*([A-Za-z_.]+)\s*(<=|>=|!=|=|<|>|:)\s*(\"[^\"]*\"|[^\s\"]+)\s*")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def parse_filter(text: str) -> Callable[[Queue], bool]:
    """Parse a filter such as `state: PAUSED AND rateLimits.maxDispatchesPerSecond > 1` into a test of queues.

    Fields are in camel case or snake case. Raises ApiError for anything else.
    """
    tests = [_comparison(part) for part in re.split(r"\sAND\s", text)] if text.strip() else []
    return lambda queue: all(test(queue) for test in tests)


def _comparison(part: str) -> Callable[[Queue], bool]:
    match = _COMPARISON.fullmatch(part)
    if not match:
        raise _bad_filter(part)
    path = [_CAPITAL.sub("_", name).lower() for name in match[1].split(".")]
    operator, operand = match[2], match[3].strip('"')
    return lambda queue: _holds(_value(queue, path, part), operator, operand)


def _value(queue: Queue, path: list[str], part: str) -> object:
    value: object = queue
    for name in path:
        if name not in getattr(getattr(value, "DESCRIPTOR", None), "fields_by_name", {}):
            raise _bad_filter(part)
        value = getattr(value, name)
    return QueueState(queue.state).name if path == ["state"] else value


def _holds(value: object, operator: str, operand: str) -> bool:
    if isinstance(value, int | float):
        try:
            return _compare(float(value), operator, float(operand))
        except ValueError:
            raise _bad_filter(operand) from None
    if operator == ":":
        return operand in str(value)
    return _compare(str(value), operator, operand)


def _compare(value: float | str, operator: str, operand: float | str) -> bool:
    order = (value > operand) - (value < operand)  # type: ignore[operator]  # both are of one type
    allowed = {"=": (0,), ":": (0,), "!=": (-1, 1), "<": (-1,), ">": (1,), "<=": (-1, 0), ">=": (0, 1)}
    return order in allowed[operator]


def _bad_filter(part: str) -> ApiError:
    return invalid(f"The filter is not understood at: {part.strip()}")
