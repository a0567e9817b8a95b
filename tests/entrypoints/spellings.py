"""How clients write the parts of a form, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.entrypoints.function import EXECUTE, data_of, error_of
from tests.hostile.row import FORM_TYPE, form, part

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory

PROMPTS = part("prompts_text", b"a lighthouse")
NO_NAME = b"\r\nContent-Type: "


def disposed(filename: str = "", content_type: str = "", **headers: str) -> bytes:
    """What stands behind a part's name: a file name, and headers."""
    named = f'; filename="{filename}"'.encode()
    typed = f"\r\nContent-Type: {content_type}".encode() if content_type else b""
    return named + typed + encoded_as(**headers)


def encoded_as(**headers: str) -> bytes:
    """Headers of a part, their names with underscores."""
    return b"".join(f"\r\n{name.replace('_', '-')}: {value}".encode() for name, value in headers.items())


def accepted(submit: Function, factory: Factory, *parts: bytes) -> Execution:
    """The execution that a form of these parts becomes."""
    answer = submit.post(EXECUTE, data=form(*parts), content_type=FORM_TYPE)
    return factory.store.executions[data_of(answer, 202)["execution_id"]]


def prompts_of(factory: Factory, execution: Execution) -> list[str]:
    return [one.text for one in factory.store.chunks[execution.id, 0]]


def refusal_of(submit: Function, *parts: bytes) -> tuple[str, int | None, str]:
    """The one fault for which a form of these parts is refused."""
    answer = submit.post(EXECUTE, data=form(*parts), content_type=FORM_TYPE)
    (detail,) = error_of(answer, 400, "VALIDATION_FAILED")["details"]
    return detail["field"], detail.get("index"), detail["message"]
