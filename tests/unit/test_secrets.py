"""What is printed of a record that holds a secret, by accident or in a test's failure, does not hold it."""

from __future__ import annotations

import pytest

from imagefactory.domain.submission import Submission, Upload, validate
from imagefactory.testing import START, a_submission, a_workflow
from imagefactory.usecases.retry import RetryRequest

SECRET = "AIzaSy-secret-of-ada"


@pytest.mark.parametrize(
    "record",
    [
        a_submission(api_key=SECRET),
        validate(a_submission(api_key=SECRET), a_workflow(), START.date()),
        Submission((), SECRET, (Upload(SECRET.encode()),)),
        RetryRequest(api_key=SECRET),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_record_never_prints_its_secrets(record: object) -> None:
    for written in (repr(record), str(record), f"{record}", f"{record!r}", f"{[record]}"):
        assert SECRET not in written
