from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud import tasks_v2

from tests.contract.cloud_tasks.support import ENTITY_MISSING, epoch, length, refusal

if TYPE_CHECKING:
    from tests.contract.cloud_tasks.support import Emulator, Tasks

FULL, BASIC = tasks_v2.Task.View.FULL, tasks_v2.Task.View.BASIC
GONE = (
    "The task no longer exists, though a task with this name existed recently. "
    "The task either successfully completed or was deleted."
)
EXISTED = "The task cannot be created because a task with this name existed too recently."
APP_ENGINE_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
MAX_STORED_BYTES = 1_048_569


@pytest.fixture
def paused(frozen: Emulator, tasks: Tasks) -> Tasks:
    """A queue that keeps its tasks, in an emulator whose clock stands still."""
    assert frozen.rest_url
    tasks.client.pause_queue(name=tasks.queue)
    return tasks


def test_a_task_without_a_name_gets_a_number_for_an_id(paused: Tasks) -> None:
    ids = {paused.create().name.removeprefix(f"{paused.queue}/tasks/") for _ in range(20)}

    assert len(ids) == 20
    assert all(re.fullmatch(r"\d+", task_id) for task_id in ids)


def test_a_new_task_shows_its_times_and_defaults(frozen: Emulator, paused: Tasks) -> None:
    task = paused.create("t")

    assert task.http_request.http_method == tasks_v2.HttpMethod.POST
    assert length(task.dispatch_deadline) == 600
    assert epoch(task.create_time) == int(frozen.now())
    assert epoch(task.schedule_time) == pytest.approx(frozen.now(), abs=2e-6)
    assert (task.dispatch_count, task.response_count) == (0, 0)
    assert task.view == BASIC


def test_counts_and_times_from_the_caller_are_ignored(paused: Tasks) -> None:
    task = paused.create("t", dispatch_count=5, response_count=5, create_time={"seconds": 5}, view=FULL)

    assert (task.dispatch_count, task.response_count) == (0, 0)
    assert epoch(task.create_time) > 5


def test_a_schedule_time_is_kept_to_the_microsecond_and_never_in_the_past(frozen: Emulator, paused: Tasks) -> None:
    ahead = int(frozen.now()) + 60

    future = paused.create(schedule_time={"seconds": ahead, "nanos": 123_456_789})
    past = paused.create(schedule_time={"seconds": 1})

    assert epoch(future.schedule_time) == pytest.approx(ahead + 0.123456, abs=1e-7)
    assert epoch(past.schedule_time) == pytest.approx(frozen.now(), abs=2e-6)


@pytest.mark.parametrize("view", [BASIC, FULL])
def test_the_basic_view_hides_the_body_and_nothing_else(paused: Tasks, view: int) -> None:
    request = {"body": b"secret", "headers": {"X-Mine": "1"}}

    created = paused.create("t", http_request=request, view=view)
    got = paused.client.get_task(request={"name": paused.path("t"), "response_view": view})
    (listed,) = paused.client.list_tasks(request={"parent": paused.queue, "response_view": view})

    assert created == got == listed
    assert got.view == view
    assert got.http_request.body == (b"secret" if view == FULL else b"")
    assert got.http_request.headers["X-Mine"] == "1"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"X-Mixed-Case": "me", "content-type": "a/b"}, {"X-Mixed-Case": "me", "content-type": "a/b"}),
        ({"X-Mixed-Case": "me"}, {"X-Mixed-Case": "me"}),
        ({"user-agent": "mine", "HOST": "x", "content-length": "3", "x-google-a": "b", "X-AppEngine-C": "d"}, {}),
    ],
)
def test_an_http_task_stores_its_own_headers_and_the_user_agent(
    paused: Tasks, sent: dict[str, str], stored: dict[str, str]
) -> None:
    task = paused.create(http_request={"headers": sent, "body": b"{}"})

    assert dict(task.http_request.headers) == stored | {"User-Agent": "Google-Cloud-Tasks"}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"X-Mixed-Case": "me", "content-type": "a/b"}, {"X-Mixed-Case": "me", "content-type": "a/b"}),
        ({"X-Mixed-Case": "me"}, {"X-Mixed-Case": "me", "Content-Type": "application/octet-stream"}),
    ],
)
def test_an_app_engine_task_stores_its_length_and_type_too(
    paused: Tasks, sent: dict[str, str], stored: dict[str, str]
) -> None:
    task = paused.create(app_engine_http_request={"headers": sent, "body": b"17 bytes of data."})

    expected = stored | {"Content-Length": "17", "User-Agent": APP_ENGINE_AGENT}
    assert dict(task.app_engine_http_request.headers) == expected
    assert task.app_engine_http_request.relative_uri == "/"


def test_an_app_engine_tasks_user_agent_is_added_to_and_its_host_derived(paused: Tasks) -> None:
    request = {"headers": {"User-Agent": "mine/1"}, "app_engine_routing": {"service": "worker", "version": "v2"}}

    task = paused.create(app_engine_http_request=request)

    assert task.app_engine_http_request.headers["User-Agent"] == f"mine/1 {APP_ENGINE_AGENT}"
    assert task.app_engine_http_request.app_engine_routing.host == "v2.worker.demo.appspot.com"


def test_a_live_name_cannot_be_used_again(paused: Tasks) -> None:
    paused.create("t")

    assert refusal(paused.create, "t") == ("ALREADY_EXISTS", "Requested entity already exists")


@pytest.mark.parametrize("how", ["deleted", "done"])
def test_a_name_used_recently_is_taken_for_a_day(frozen: Emulator, tasks: Tasks, how: str) -> None:
    if how == "deleted":
        tasks.client.pause_queue(name=tasks.queue)
    tasks.create("t")
    frozen.settle()
    if how == "deleted":
        tasks.client.delete_task(name=tasks.path("t"))

    at_once = refusal(tasks.create, "t")
    got = refusal(tasks.client.get_task, name=tasks.path("t"))
    frozen.advance(24 * 3600 - 1)
    almost = refusal(tasks.create, "t")
    frozen.advance(2)

    assert at_once == almost == ("ALREADY_EXISTS", EXISTED)
    assert got == ("NOT_FOUND", GONE)
    assert refusal(tasks.client.get_task, name=tasks.path("t")) == ("NOT_FOUND", ENTITY_MISSING)
    assert tasks.create("t").name


def test_a_generated_name_is_remembered_like_a_chosen_one(frozen: Emulator, tasks: Tasks) -> None:
    name = tasks.create().name
    frozen.settle()

    assert refusal(tasks.client.get_task, name=name) == ("NOT_FOUND", GONE)


@pytest.mark.parametrize("verb", ["get_task", "delete_task", "run_task"])
def test_a_task_that_never_was_is_not_found(tasks: Tasks, verb: str) -> None:
    assert refusal(getattr(tasks.client, verb), name=tasks.path("never")) == ("NOT_FOUND", ENTITY_MISSING)


@pytest.mark.parametrize("task_id", ["not a valid id", "dot.dot", "ümlaut", "x" * 501, ""])
def test_a_bad_task_id_is_refused_with_a_link_to_the_rule(tasks: Tasks, task_id: str) -> None:
    task = tasks_v2.Task(name=tasks.path(task_id), http_request={"url": tasks.target.url})

    with pytest.raises(InvalidArgument) as caught:
        tasks.client.create_task(parent=tasks.queue, task=task)

    assert caught.value.message == (
        f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), '
        "or underscores (_). Task ID must between 1 and 500 characters."
    )
    (link,) = caught.value.details[0].links
    assert link.description == "Definition of task ID"
    assert link.url.endswith("projects.locations.queues.tasks#Task.FIELDS.name")


def test_a_task_id_may_be_five_hundred_characters_long(paused: Tasks) -> None:
    assert paused.create("aZ09-_" * 83 + "xx").name


def test_a_tasks_name_must_be_in_the_queue_of_the_request(tasks: Tasks) -> None:
    task = tasks_v2.Task(name=f"{tasks.queue}-other/tasks/t", http_request={"url": tasks.target.url})

    assert refusal(tasks.client.create_task, parent=tasks.queue, task=task) == (
        "INVALID_ARGUMENT",
        (
            f"The queue name from request ('{tasks.queue}') must be the same as the queue name in the named task "
            f"('{tasks.queue}-other')."
        ),
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "HttpRequest.url is required."),
        ("example.com/path", "HttpTarget.url must start with 'http://' or 'https://'."),
        ("ftp://example.com/", "HttpTarget.url must start with 'http://' or 'https://'."),
    ],
)
def test_a_url_that_is_none_is_refused(tasks: Tasks, url: str, message: str) -> None:
    assert refusal(tasks.create, http_request={"url": url}) == ("INVALID_ARGUMENT", message)


def test_a_url_with_a_broken_escape_is_accepted(paused: Tasks) -> None:
    assert paused.create(http_request={"url": "http://example.com/%zz"}).name


@pytest.mark.parametrize(("length", "accepted"), [(2083, True), (2084, False)])
def test_a_url_may_be_2083_characters_long_after_encoding(
    paused: Tasks,
    length: int,
    accepted: bool,  # noqa: FBT001 - a case
) -> None:
    url = "http://example.com/ü"
    url += "x" * (length - len(url) - 5)

    outcome = (
        paused.create(http_request={"url": url}).name if accepted else refusal(paused.create, http_request={"url": url})
    )

    assert outcome[0] == ("p" if accepted else "INVALID_ARGUMENT")


@pytest.mark.parametrize("seconds", [15, 1800, 0])
def test_an_http_deadline_from_15_seconds_to_30_minutes_is_taken(paused: Tasks, seconds: int) -> None:
    task = paused.create(dispatch_deadline={"seconds": seconds})

    assert length(task.dispatch_deadline) == (seconds or 600)


@pytest.mark.parametrize("deadline", [{"seconds": 14, "nanos": 999_000_000}, {"seconds": 1801}, {"seconds": -20}])
def test_any_other_http_deadline_is_refused(tasks: Tasks, deadline: dict[str, int]) -> None:
    assert refusal(tasks.create, dispatch_deadline=deadline) == (
        "INVALID_ARGUMENT",
        "Task.dispatchDeadline must be between [15s, 30m].",
    )


def test_a_deadline_is_cut_to_the_millisecond(paused: Tasks) -> None:
    task = paused.create(dispatch_deadline={"seconds": 20, "nanos": 1_999_999})

    assert length(task.dispatch_deadline) == 20.001


@pytest.mark.parametrize("seconds", [15, 86_415, 0])
def test_an_app_engine_deadline_up_to_a_day_and_15_seconds_is_taken(paused: Tasks, seconds: int) -> None:
    assert paused.create(app_engine_http_request={}, dispatch_deadline={"seconds": seconds}).name


@pytest.mark.parametrize("seconds", [14, 86_416])
def test_any_other_app_engine_deadline_is_refused(tasks: Tasks, seconds: int) -> None:
    deadline = {"seconds": seconds}

    assert refusal(tasks.create, app_engine_http_request={}, dispatch_deadline=deadline) == (
        "INVALID_ARGUMENT",
        "Task.dispatchDeadline must be between [15s, 24h15s].",
    )


def test_a_schedule_time_more_than_30_days_ahead_is_refused_in_pacific_time(tasks: Tasks) -> None:
    # 2100-01-01T00:00:00Z
    assert refusal(tasks.create, schedule_time={"seconds": 4_102_444_800}) == (
        "INVALID_ARGUMENT",
        (
            "The Task.scheduleTime, 2099-12-31T16:00:00-08:00, is too far in the future. "
            "Schedule time must be no more than 720h in the future."
        ),
    )


def test_the_horizon_is_720_hours(frozen: Emulator, paused: Tasks) -> None:
    edge = int(frozen.now()) + 720 * 3600

    inside = paused.create(schedule_time={"seconds": edge})
    outside = refusal(paused.create, schedule_time={"seconds": edge + 1})

    assert epoch(inside.schedule_time) == edge
    assert outside[0] == "INVALID_ARGUMENT"


def stored_size(task: tasks_v2.Task) -> int:
    """The size of the task as the service stores it: all that the full view shows, but not the view itself."""
    proto = tasks_v2.Task.pb(task)
    proto.ClearField("view")
    return int(proto.ByteSize())


@pytest.mark.parametrize("family", ["http_request", "app_engine_http_request"])
def test_the_largest_task_is_measured_as_it_is_stored(frozen: Emulator, paused: Tasks, family: str) -> None:
    due = {"seconds": int(frozen.now()) + 60}
    body = b"x" * 1_000_000
    small = paused.create("a", view=FULL, schedule_time=due, **{family: {"body": body}})
    # Between a million and 1,048,569 bytes every length takes the same space, but for the App Engine header's digits.
    room = MAX_STORED_BYTES - stored_size(small)

    fits = paused.create("b", view=FULL, schedule_time=due, **{family: {"body": body + b"x" * room}})
    too_large = refusal(paused.create, "c", schedule_time=due, **{family: {"body": body + b"x" * (room + 1)}})

    assert stored_size(fits) == MAX_STORED_BYTES
    assert too_large == ("INVALID_ARGUMENT", "Task size too large")


def test_a_mebibyte_of_body_is_always_too_much(tasks: Tasks) -> None:
    assert refusal(tasks.create, http_request={"body": b"x" * 1_048_576}) == ("INVALID_ARGUMENT", "Task size too large")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_body_needs_a_method_that_has_one(tasks: Tasks, method: str) -> None:
    request = {"http_method": getattr(tasks_v2.HttpMethod, method), "body": b"x"}

    assert refusal(tasks.create, http_request=request)[0] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"http_request": {"headers": {"bad name": "x"}}}, id="header name"),
        pytest.param({"http_request": {"headers": {"X-Split": "a\r\nB: c"}}}, id="header value"),
        pytest.param({"http_request": {"headers": {f"H{n}": "x" * 1000 for n in range(90)}}}, id="80 KB of headers"),
        pytest.param({"http_request": {"oidc_token": {"audience": "x"}}}, id="token without an account"),
        pytest.param({"http_request": {"http_method": 99}}, id="unknown method"),
        pytest.param({"app_engine_http_request": {"relative_uri": "no-slash"}}, id="relative URI"),
        pytest.param({"app_engine_http_request": {"http_method": 6, "body": b"x"}}, id="App Engine PATCH with a body"),
        pytest.param({"retry_config": {"max_attempts": -2}}, id="retry config"),
        pytest.param({"schedule_time": {"seconds": 10**18}}, id="time beyond all calendars"),
        pytest.param({"schedule_time": {"seconds": -(10**18)}}, id="time before all calendars"),
    ],
)
def test_other_nonsense_is_refused(tasks: Tasks, fields: dict[str, Any]) -> None:
    assert refusal(tasks.create, **fields)[0] == "INVALID_ARGUMENT"


def test_a_task_must_have_a_target(tasks: Tasks) -> None:
    assert refusal(tasks.client.create_task, parent=tasks.queue, task=tasks_v2.Task())[0] == "INVALID_ARGUMENT"


def test_tasks_are_listed_page_by_page(paused: Tasks) -> None:
    names = {paused.create(f"t{number}").name for number in range(5)}

    pages = list(paused.client.list_tasks(request={"parent": paused.queue, "page_size": 2}).pages)

    assert [len(page.tasks) for page in pages] == [2, 2, 1]
    assert {task.name for page in pages for task in page.tasks} == names


def test_a_listing_survives_the_deletion_of_what_it_has_shown(paused: Tasks) -> None:
    for number in range(4):
        paused.create(f"t{number}")
    pages = paused.client.list_tasks(request={"parent": paused.queue, "page_size": 2}).pages

    first = next(pages)
    for task in first.tasks:
        paused.client.delete_task(name=task.name)

    assert [task.name[-2:] for task in next(pages).tasks] == ["t2", "t3"]


def test_a_page_holds_a_thousand_tasks_at_most(paused: Tasks) -> None:
    for _ in range(11):
        requests: list[Any] = [{"parent": paused.queue, "task": {"http_request": {"url": paused.target.url}}}] * 100
        paused.client.batch_create_tasks(parent=paused.queue, requests=requests).result()

    pages = list(paused.client.list_tasks(request={"parent": paused.queue, "page_size": 5000}).pages)

    assert [len(page.tasks) for page in pages] == [1000, 100]


def test_a_deleted_task_is_never_sent(frozen: Emulator, tasks: Tasks) -> None:
    tasks.create("t", schedule_time={"seconds": int(frozen.now()) + 60})

    tasks.client.delete_task(name=tasks.path("t"))
    frozen.advance(120)

    assert tasks.target.received == []
