from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.exceptions import InvalidArgument, PermissionDenied
from google.cloud import tasks_v2

from tests.contract.cloud_tasks.support import ENTITY_MISSING, LOCATION, QUEUE_MISSING, epoch, is_set, length, refusal

if TYPE_CHECKING:
    from tests.contract.cloud_tasks.support import Emulator, Tasks

NAME_RULE = 'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
GARBLED = "Invalid resource field value in the request."


def create(client: tasks_v2.CloudTasksClient, name: str, parent: str = LOCATION, **settings: Any) -> tasks_v2.Queue:
    return client.create_queue(parent=parent, queue=tasks_v2.Queue(name=name, **settings))


def test_a_new_queue_has_the_defaults_of_the_real_service(tasks: Tasks) -> None:
    queue = tasks.client.get_queue(name=tasks.queue)

    assert queue.state == tasks_v2.Queue.State.RUNNING
    assert queue.rate_limits.max_dispatches_per_second == 500
    assert queue.rate_limits.max_burst_size == 100
    assert queue.rate_limits.max_concurrent_dispatches == 1000
    assert queue.retry_config.max_attempts == 100
    assert queue.retry_config.max_doublings == 16
    assert length(queue.retry_config.min_backoff) == 0.1
    assert length(queue.retry_config.max_backoff) == 3600
    assert not is_set(queue.retry_config.max_retry_duration)
    assert not is_set(queue.purge_time)


@pytest.mark.parametrize(("rate", "burst"), [(500, 100), (1, 10), (0.25, 10), (0.001, 10), (100, 20)])
def test_the_burst_size_follows_from_the_rate(tasks: Tasks, rate: float, burst: int) -> None:
    queue = tasks.configure(rate_limits={"max_dispatches_per_second": rate})

    assert queue.rate_limits.max_burst_size == burst


def test_a_burst_size_from_the_caller_is_ignored_even_a_negative_one(tasks: Tasks) -> None:
    queue = create(tasks.client, f"{LOCATION}/queues/burst", rate_limits={"max_burst_size": -1})

    assert queue.rate_limits.max_burst_size == 100


def test_a_fraction_of_a_second_in_a_backoff_is_kept(tasks: Tasks) -> None:
    queue = tasks.configure(retry_config={"min_backoff": {"seconds": 1, "nanos": 250_000_000}})

    assert length(queue.retry_config.min_backoff) == 1.25


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate_limits": {"max_dispatches_per_second": -1}}, "RateLimits.maxDispatchesPerSecond cannot be negative."),
        (
            {"rate_limits": {"max_dispatches_per_second": 501}},
            "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
        ),
        (
            {"rate_limits": {"max_dispatches_per_second": float("nan")}},
            "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
        ),
        ({"rate_limits": {"max_concurrent_dispatches": -1}}, "RateLimits.maxConcurrentDispatches cannot be negative."),
        (
            {"rate_limits": {"max_concurrent_dispatches": 5001}},
            "RateLimits.maxConcurrentDispatches must be less than or equal to 5000.",
        ),
        ({"retry_config": {"max_attempts": -2}}, "RetryConfig.maxAttempts must be greater or equal to -1."),
        ({"retry_config": {"max_doublings": -1}}, "RetryConfig.maxDoublings cannot be negative."),
        ({"retry_config": {"min_backoff": {"seconds": -1}}}, "RetryConfig.minBackoff cannot be negative."),
        (
            {"retry_config": {"min_backoff": {"seconds": 10}, "max_backoff": {"seconds": 5}}},
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        ),
    ],
)
def test_settings_out_of_range_are_refused_on_create_and_on_update(
    tasks: Tasks, settings: dict[str, Any], message: str
) -> None:
    before = tasks.client.get_queue(name=tasks.queue)

    created = refusal(create, tasks.client, f"{LOCATION}/queues/bad", **settings)
    updated = refusal(tasks.configure, **settings)

    assert created == updated == ("INVALID_ARGUMENT", message)
    assert tasks.client.get_queue(name=tasks.queue) == before


@pytest.mark.parametrize(
    "settings",
    [
        {"rate_limits": {"max_dispatches_per_second": 500, "max_concurrent_dispatches": 5000}},
        {"retry_config": {"max_attempts": -1}},
        {"retry_config": {"min_backoff": {"seconds": 5}, "max_backoff": {"seconds": 5}}},
    ],
)
def test_settings_at_the_edge_of_their_range_are_taken(tasks: Tasks, settings: dict[str, Any]) -> None:
    assert create(tasks.client, f"{LOCATION}/queues/edge", **settings).name


def test_a_queue_that_exists_cannot_be_created(tasks: Tasks) -> None:
    assert refusal(create, tasks.client, tasks.queue) == ("ALREADY_EXISTS", "Queue already exists")


@pytest.mark.parametrize(
    "name",
    [
        "not-a-valid-queue-name",
        f"{LOCATION}/queues/",
        f"{LOCATION}/queues/under_score",
        f"{LOCATION}/queues/{'q' * 101}",
    ],
)
def test_a_bad_queue_name_is_refused_with_a_link_to_the_rule(
    emulator: Emulator, client: tasks_v2.CloudTasksClient, name: str
) -> None:
    assert emulator.rest_url

    with pytest.raises(InvalidArgument) as caught:
        create(client, name)

    assert caught.value.message == NAME_RULE
    (link,) = caught.value.details[0].links
    assert link.description == "Definition of queue name"
    assert link.url.endswith("/rest/v2/projects.locations.queues#Queue.FIELDS.name")


def test_a_queue_name_of_a_hundred_characters_is_good(tasks: Tasks) -> None:
    assert create(tasks.client, f"{LOCATION}/queues/{'q' * 100}").name


def test_a_queue_must_be_under_the_parent_of_its_request(tasks: Tasks) -> None:
    name = "projects/other/locations/us-central1/queues/q"

    assert refusal(create, tasks.client, name) == ("INVALID_ARGUMENT", f"{name} must begin with {LOCATION}.")


def test_a_parent_that_is_no_project_is_refused_by_the_front_door(tasks: Tasks) -> None:
    with pytest.raises(PermissionDenied) as caught:
        create(tasks.client, f"{LOCATION}/queues/q", parent="not-a-valid-parent")

    assert caught.value.message == "Permission denied on resource project not-a-valid-parent."
    assert caught.value.reason == "CONSUMER_INVALID"


@pytest.mark.parametrize("verb", ["get_queue", "pause_queue", "resume_queue", "purge_queue"])
@pytest.mark.parametrize("existed", [True, False])
def test_a_missing_or_deleted_queue_is_not_found(tasks: Tasks, verb: str, existed: bool) -> None:  # noqa: FBT001 - a case
    if existed:
        tasks.client.delete_queue(name=tasks.queue)
    name = tasks.queue if existed else f"{LOCATION}/queues/never"

    assert refusal(getattr(tasks.client, verb), name=name) == ("NOT_FOUND", QUEUE_MISSING)


def test_a_missing_queue_is_worded_differently_when_it_is_to_be_deleted(tasks: Tasks) -> None:
    call = tasks.client.delete_queue

    assert refusal(call, name=f"{LOCATION}/queues/never") == ("NOT_FOUND", ENTITY_MISSING)


def test_tasks_of_a_missing_or_deleted_queue_are_not_found(tasks: Tasks) -> None:
    tasks.create("t")

    tasks.client.delete_queue(name=tasks.queue)

    assert refusal(tasks.create) == ("NOT_FOUND", QUEUE_MISSING)
    assert refusal(tasks.client.list_tasks, parent=tasks.queue) == ("NOT_FOUND", QUEUE_MISSING)
    assert refusal(tasks.client.get_task, name=tasks.path("t")) == ("NOT_FOUND", ENTITY_MISSING)


@pytest.mark.parametrize("verb", ["get_queue", "pause_queue", "delete_queue", "get_task", "run_task"])
def test_a_garbled_resource_name_is_an_invalid_argument(tasks: Tasks, verb: str) -> None:
    assert refusal(getattr(tasks.client, verb), name="queues/q") == ("INVALID_ARGUMENT", GARBLED)


def test_a_deleted_queues_name_is_free_after_three_days(frozen: Emulator, tasks: Tasks) -> None:
    tasks.client.delete_queue(name=tasks.queue)
    too_soon = "The queue cannot be created because a queue with this name existed too recently."

    at_once = refusal(create, tasks.client, tasks.queue)
    frozen.advance(3 * 24 * 3600 - 1)
    almost = refusal(create, tasks.client, tasks.queue)
    frozen.advance(2)

    assert at_once == almost == ("FAILED_PRECONDITION", too_soon)
    assert create(tasks.client, tasks.queue).name == tasks.queue


def test_an_update_makes_a_queue_that_is_not_there(tasks: Tasks) -> None:
    name = f"{LOCATION}/queues/made-by-update"

    made = tasks.client.update_queue(queue=tasks_v2.Queue(name=name, rate_limits={"max_dispatches_per_second": 3}))

    assert made.rate_limits.max_dispatches_per_second == 3
    assert tasks.client.get_queue(name=name) == made


def test_an_update_with_a_nested_mask_changes_that_field_alone(tasks: Tasks) -> None:
    tasks.configure(rate_limits={"max_dispatches_per_second": 7, "max_concurrent_dispatches": 8})

    queue = tasks.configure(
        rate_limits={"max_dispatches_per_second": 70, "max_concurrent_dispatches": 80},
        retry_config={"max_attempts": 5},
        paths=["rate_limits.max_concurrent_dispatches"],
    )

    assert queue.rate_limits.max_dispatches_per_second == 7
    assert queue.rate_limits.max_concurrent_dispatches == 80
    assert queue.retry_config.max_attempts == 100


def test_an_update_with_a_whole_message_in_its_mask_resets_what_it_leaves_out(tasks: Tasks) -> None:
    tasks.configure(rate_limits={"max_dispatches_per_second": 7, "max_concurrent_dispatches": 8})

    queue = tasks.configure(rate_limits={"max_concurrent_dispatches": 9}, paths=["rate_limits"])

    assert queue.rate_limits.max_dispatches_per_second == 500
    assert queue.rate_limits.max_concurrent_dispatches == 9


def test_an_update_without_a_mask_changes_everything(tasks: Tasks) -> None:
    tasks.configure(rate_limits={"max_dispatches_per_second": 7}, stackdriver_logging_config={"sampling_ratio": 0.5})

    queue = tasks.configure(retry_config={"max_attempts": 5})

    assert queue.rate_limits.max_dispatches_per_second == 500
    assert queue.retry_config.max_attempts == 5
    assert queue.stackdriver_logging_config.sampling_ratio == 0


def test_an_update_changes_neither_the_state_nor_anything_else_that_is_output_only(tasks: Tasks) -> None:
    tasks.client.pause_queue(name=tasks.queue)

    queue = tasks.configure(
        state=tasks_v2.Queue.State.RUNNING,
        rate_limits={"max_burst_size": 5},
        purge_time={"seconds": 5},
        paths=["state", "purge_time", "rate_limits.max_burst_size"],
    )

    assert queue.state == tasks_v2.Queue.State.PAUSED
    assert queue.rate_limits.max_burst_size == 100
    assert not is_set(queue.purge_time)


def test_an_update_with_an_unknown_field_in_its_mask_is_refused(tasks: Tasks) -> None:
    code, _ = refusal(tasks.configure, paths=["rate_limits.colour"])

    assert code == "INVALID_ARGUMENT"


def test_a_queue_is_paused_and_resumed(tasks: Tasks) -> None:
    paused = tasks.client.pause_queue(name=tasks.queue)
    resumed = tasks.client.resume_queue(name=tasks.queue)

    assert paused.state == tasks_v2.Queue.State.PAUSED
    assert resumed.state == tasks_v2.Queue.State.RUNNING


def test_a_purge_removes_all_tasks_keeps_their_names_and_tells_its_time(frozen: Emulator, tasks: Tasks) -> None:
    tasks.client.pause_queue(name=tasks.queue)
    tasks.create("one")
    tasks.create("two")

    queue = tasks.client.purge_queue(name=tasks.queue)
    tasks.client.resume_queue(name=tasks.queue)
    frozen.settle()

    assert epoch(queue.purge_time) == pytest.approx(frozen.now(), abs=1e-5)
    assert list(tasks.client.list_tasks(parent=tasks.queue)) == []
    assert tasks.target.received == []
    assert refusal(tasks.create, "one")[0] == "ALREADY_EXISTS"
    assert tasks.create("three").name


def test_queues_are_listed_by_name_page_by_page(tasks: Tasks) -> None:
    parent = "projects/demo/locations/europe-west1"
    names = [f"{parent}/queues/{letter}" for letter in "dbcae"]
    for name in names:
        create(tasks.client, name, parent)

    pages = list(tasks.client.list_queues(request={"parent": parent, "page_size": 2}).pages)

    assert [[queue.name[-1] for queue in page.queues] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert [queue.name[-1] for queue in tasks.client.list_queues(parent=parent)] == list("abcde")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("state: PAUSED", ["b"]),
        ("state=RUNNING", ["a"]),
        ("state != PAUSED", ["a"]),
        ("rateLimits.maxDispatchesPerSecond > 100", ["b"]),
        ("rate_limits.max_dispatches_per_second<=100 AND state=RUNNING", ["a"]),
        ("name: queues/b", ["b"]),
    ],
)
def test_queues_can_be_filtered(tasks: Tasks, text: str, expected: list[str]) -> None:
    parent = "projects/demo/locations/europe-west2"
    create(tasks.client, f"{parent}/queues/a", parent, rate_limits={"max_dispatches_per_second": 5})
    create(tasks.client, f"{parent}/queues/b", parent)
    tasks.client.pause_queue(name=f"{parent}/queues/b")

    found = tasks.client.list_queues(request={"parent": parent, "filter": text})

    assert [queue.name[-1] for queue in found] == expected


@pytest.mark.parametrize("text", ["colour = red", "state", "=", "rateLimits.maxDispatchesPerSecond > many"])
def test_a_filter_that_makes_no_sense_is_refused(tasks: Tasks, text: str) -> None:
    request = {"parent": LOCATION, "filter": text}

    assert refusal(lambda: list(tasks.client.list_queues(request=request)))[0] == "INVALID_ARGUMENT"


def test_a_page_token_is_good_for_two_hours_and_for_one_listing(frozen: Emulator, tasks: Tasks) -> None:
    create(tasks.client, f"{LOCATION}/queues/zz")
    page = next(tasks.client.list_queues(request={"parent": LOCATION, "page_size": 1}).pages)
    request = {"parent": LOCATION, "page_token": page.next_page_token}

    frozen.advance(7190)
    in_time = [queue.name[-2:] for queue in tasks.client.list_queues(request=request)]
    elsewhere = refusal(tasks.client.list_queues, request=request | {"filter": "state=PAUSED"})
    frozen.advance(20)

    assert in_time == ["zz"]
    assert elsewhere[0] == "INVALID_ARGUMENT"
    assert refusal(tasks.client.list_queues, request=request)[0] == "INVALID_ARGUMENT"
    assert refusal(tasks.client.list_queues, request={"parent": LOCATION, "page_token": "x"})[0] == "INVALID_ARGUMENT"
