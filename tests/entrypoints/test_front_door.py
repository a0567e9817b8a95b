"""How far it is from an entry point to its use case: what a reader follows, and what each request pays."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from imagefactory.usecases.submit import Submit
from tests.entrypoints.function import EXECUTE, data_of

if TYPE_CHECKING:
    from types import FrameType

    from tests.entrypoints.function import Function

MAX_CALLS = 29
BATCH = {"prompts": ["a lighthouse"], "api_key": "the-key"}
#: Loops that Python before 3.12 compiles as functions.
LOOPS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")


class Trace:
    """The calls into our code from the entry point to the use case, in their order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._is_on = False
        #: A generator that goes on is not called again.
        self._frames: list[FrameType] = []

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event != "call" or not ("/imagefactory/" in code.co_filename or "/functions/" in code.co_filename):
            return
        self._is_on |= code.co_name == "submit" and code.co_filename.endswith("main.py")
        if code is Submit.__call__.__code__:
            sys.setprofile(None)
        elif self._is_on and code.co_name not in LOOPS and not any(known is frame for known in self._frames):
            self._frames.append(frame)
            self.calls.append(code.co_qualname)


def test_a_use_case_is_reached_in_few_calls(submit: Function) -> None:
    # The first request puts the function together.
    data_of(submit.post(EXECUTE, json=BATCH), 202)
    trace = Trace()

    sys.setprofile(trace)
    try:
        answer = submit.post(EXECUTE, json=BATCH)
    finally:
        sys.setprofile(None)

    data_of(answer, 202)
    assert trace.calls[0] == "submit"
    assert len(trace.calls) <= MAX_CALLS, trace.calls
