"""The outside world in memory, for tests: every port with the promises that the real adapters keep.

clock.py       a clock that stands still until it is moved
faults.py      failures and deaths at any call of any port
executions.py  Executions and Reservations on one store
services.py    Tasks, Images, ImageUrls, Encryption, Workflows, ImageCodec
model.py       a model that does as it is told
factories.py   records of which a test states only what matters to it
"""

from imagefactory.testing.clock import ManualClock
from imagefactory.testing.executions import InMemoryExecutions
from imagefactory.testing.factories import (
    START,
    a_failure,
    a_lease,
    a_progress,
    a_result,
    a_stored_image,
    a_submission,
    a_workflow,
    an_execution,
    some_parameters,
    some_prompts,
    the_bytes_of,
)
from imagefactory.testing.faults import Call, Crash, Faults, Moment
from imagefactory.testing.model import Asked, ScriptedModel, Takes, an_image
from imagefactory.testing.reservations import InMemoryReservations
from imagefactory.testing.services import (
    FakeImageCodec,
    InMemoryEncryption,
    InMemoryImageStore,
    InMemoryImageUrls,
    InMemoryTasks,
    InMemoryWorkflows,
)
from imagefactory.testing.store import Store

__all__ = [
    "START",
    "Asked",
    "Call",
    "Crash",
    "FakeImageCodec",
    "Faults",
    "InMemoryEncryption",
    "InMemoryExecutions",
    "InMemoryImageStore",
    "InMemoryImageUrls",
    "InMemoryReservations",
    "InMemoryTasks",
    "InMemoryWorkflows",
    "ManualClock",
    "Moment",
    "ScriptedModel",
    "Store",
    "Takes",
    "a_failure",
    "a_lease",
    "a_progress",
    "a_result",
    "a_stored_image",
    "a_submission",
    "a_workflow",
    "an_execution",
    "an_image",
    "some_parameters",
    "some_prompts",
    "the_bytes_of",
]
