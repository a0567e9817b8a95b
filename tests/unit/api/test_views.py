from __future__ import annotations

from datetime import UTC, datetime

import pytest

from imagefactory.api import views
from imagefactory.domain.execution import Prompt
from imagefactory.domain.result import ResultStatus
from imagefactory.testing import a_result, an_execution
from imagefactory.usecases.status import ResultDetails


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, None),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6999, tzinfo=UTC), "2026-01-02T03:04:05.006Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC), "2026-01-02T03:04:05.999Z"),
    ],
)
def test_moments_are_shown_as_rfc_3339_with_milliseconds(moment: datetime | None, text: str | None) -> None:
    assert views.timestamp(moment) == text


@pytest.mark.parametrize("status", [one for one in ResultStatus if one is not ResultStatus.COMPLETED])
def test_a_result_that_is_not_completed_shows_no_image(status: ResultStatus) -> None:
    shown = views.result(ResultDetails(a_result(status=status), Prompt("a prompt", "mine")))

    assert {"result_url", "width", "bytes", "cost_usd"}.isdisjoint(shown)
    assert (shown["custom_id"], shown["prompt_text"]) == ("mine", "a prompt")


def test_an_address_without_an_end_is_shown_as_such() -> None:
    shown = views.result(
        ResultDetails(a_result(status=ResultStatus.COMPLETED), Prompt("a prompt"), ("https://there", None))
    )

    assert (shown["result_url"], shown["result_url_expires_at"]) == ("https://there", None)


def test_an_execution_that_was_not_accepted_has_no_acceptance_to_show() -> None:
    with pytest.raises(ValueError, match="has not been accepted"):
        views.acceptance(an_execution(acceptance=None))
