"""Failures at any call of any port: before it, so that nothing happened, or after it, so that nobody learns it did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

Port = TypeVar("Port")


class Crash(BaseException):
    """The process died here: nothing may catch it and go on."""


class Moment(Enum):
    """When, with respect to a call, its fault strikes."""

    BEFORE = "nothing has happened yet"
    AFTER = "it has happened, and its answer is lost"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a port: its number since the beginning (from 0), and its name, such as `executions.apply`."""

    number: int
    name: str
    moment: Moment


class Faults:
    """Watches ports; `hook` is told of every call twice, before and after, and raises what shall go wrong.

    `calls` are the names of all calls so far, in order.
    """

    def __init__(self, hook: Callable[[Call], None] | None = None) -> None:
        self.hook = hook
        self.calls: list[str] = []

    def watch(self, port: Port, name: str) -> Port:
        """The same port, with its calls told to the hook."""
        return cast("Port", _Watched(port, name, self))

    def fail(self, name: str, moment: Moment, error: BaseException, times: int = 1) -> None:
        """Let the next `times` calls of this name fail so; later calls succeed."""
        left = times

        def hook(call: Call) -> None:
            nonlocal left
            if (call.name, call.moment) == (name, moment) and left:
                left -= 1
                raise error

        self.hook = hook

    def fail_at(self, number: int, moment: Moment, error: BaseException) -> None:
        """Let the call with this number fail so, counted from the first call of all."""

        def hook(call: Call) -> None:
            if (call.number, call.moment) == (number, moment):
                raise error

        self.hook = hook

    def tell(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Make a call, and tell of it."""
        number = len(self.calls)
        self.calls.append(name)
        if self.hook:
            self.hook(Call(number, name, Moment.BEFORE))
        answer = function(*args, **kwargs)
        if self.hook:
            self.hook(Call(number, name, Moment.AFTER))
        return answer


class _Watched:
    def __init__(self, port: object, name: str, faults: Faults) -> None:
        self._port, self._name, self._faults = port, name, faults

    def __getattr__(self, method: str) -> Callable[..., Any]:
        function = getattr(self._port, method)
        name = f"{self._name}.{method}"
        return lambda *args, **kwargs: self._faults.tell(name, function, *args, **kwargs)
