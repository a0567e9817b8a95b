"""What the fuzzer must not send: what never comes to the functions, and what is taken although no schema says so."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import schemathesis

if TYPE_CHECKING:
    from typing import Any

    from schemathesis import Case, HookContext

#: The gateway's own limit for a line, less what stands before the path.
LONGEST = 8000


@schemathesis.hook
def filter_case(_context: HookContext, case: Case[Any]) -> bool:
    """Leave out lines that are too long for the gateway, and line ends in paths: those lead nowhere, by any method."""
    values = [str(value) for value in (case.path_parameters or {}).values()]
    length = len(urlencode(case.query or {}, doseq=True)) + sum(len(urlencode({"": value})) for value in values)
    return length < LONGEST and not any("\n" in value or "%0A" in value.upper() for value in values)


@schemathesis.hook("filter_case")
def filter_blanks(_context: HookContext, case: Case[Any]) -> bool:
    """Leave out parameters, fields and items without a value: they count as not given, and no schema says so."""
    values = [*(case.query or {}).values(), *(case.body.values() if isinstance(case.body, dict) else ())]
    items = [item for value in values if isinstance(value, list) for item in value]
    texts = [text for text in [*values, *items] if isinstance(text, str)]
    return None not in items and all(text.strip(" ,\t\r\n\v\f") for text in texts)
