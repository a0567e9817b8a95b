"""A user who walks over the ids of another: it is as if these ids did not exist, in every word and every read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, NOBODY_HAS, data_of, error_of, execution_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.test import TestResponse

    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory

#: What eve asks of an execution: the function, the method, what follows its path, and more of the request.
ROUTES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("status", "GET", "", {}),
    ("status", "HEAD", "", {}),
    ("status", "GET", "?limit=500", {}),
    ("status", "GET", "?cursor=1", {}),
    ("status", "GET", "?cursor=999999", {}),
    ("status", "GET", "?status=completed,failed", {}),
    ("status", "GET", "?since={since}", {}),
    ("status", "GET", "?since={since}&status=pending", {}),
    ("status", "GET", "", {"headers": {"If-None-Match": "{etag}"}}),
    ("status", "GET", "", {"headers": {"If-None-Match": "W/{etag}"}}),
    ("status", "GET", "", {"headers": {"If-None-Match": "*"}}),
    ("status", "GET", "", {"headers": {"If-Modified-Since": "Sun, 22 Nov 2026 12:00:00 GMT"}}),
    ("status", "GET", "", {"headers": {"Range": "bytes=0-10"}}),
    ("status", "GET", "/results.jsonl", {}),
    ("status", "HEAD", "/results.jsonl", {}),
    ("status", "GET", "/results.jsonl", {"headers": {"If-None-Match": "{etag}"}}),
    ("submit", "POST", "/cancel", {}),
    ("submit", "POST", "/cancel", {"json": {}}),
    ("submit", "POST", "/cancel", {"headers": {"Idempotency-Key": "ada's"}}),
    ("submit", "POST", "/retry", {}),
    ("submit", "POST", "/retry", {"json": {"api_key": "eve's"}}),
    ("submit", "POST", "/retry", {"json": {"api_key": "eve's", "batch_index": [0], "status": ["failed"]}}),
    ("submit", "POST", "/retry", {"headers": {"Idempotency-Key": "ada's"}}),
]
#: What state ada's execution is in meanwhile.
STATES = ("queued", "running", "ended", "cancelled")


@pytest.fixture(params=STATES)
def theirs(request: pytest.FixtureRequest, submit: Function, factory: Factory) -> str:
    """An execution of ada's, submitted under an Idempotency-Key."""
    headers = {"Idempotency-Key": "ada's"}
    execution_id: str = data_of(submit.post(EXECUTE, json=LIGHTHOUSE, headers=headers), 202)["execution_id"]
    if request.param == "running":
        factory.work(2)
    if request.param == "ended":
        factory.work()
    if request.param == "cancelled":
        data_of(submit.post(f"/api/executions/{execution_id}/cancel"))
    return execution_id


@pytest.fixture
def ask(submit: Function, status: Function, theirs: str) -> Callable[..., TestResponse]:
    """Asks one of the routes as eve, with whatever she has seen of ada's answers."""
    own = status.get(f"/api/executions/{theirs}")
    seen = {"etag": own.headers["ETag"], "since": data_of(own)["next_since"]}
    functions = {"submit": submit, "status": status}

    def asked(route: tuple[str, str, str, dict[str, Any]], execution_id: str, user: str = "eve") -> TestResponse:
        function, method, rest, more = route
        headers = {name: value.format(**seen) for name, value in more.get("headers", {}).items()}
        path = f"/api/executions/{execution_id}{rest.format(**seen)}"
        return functions[function].ask(method, path, user=user, **more | {"headers": headers})

    return asked


def facts_of(answer: TestResponse, execution_id: str) -> tuple[int, str, dict[str, str]]:
    """All that an answer tells, but for the ids of the request and of the execution asked for."""
    headers = {name: value for name, value in answer.headers if name != "X-Request-Id"}
    return answer.status_code, answer.get_data(as_text=True).replace(execution_id, "ID"), headers


@pytest.mark.parametrize("route", [pytest.param(route, id=f"{route[1]} {route[2]} {route[3]}") for route in ROUTES])
def test_anothers_execution_and_one_that_never_was_cannot_be_told_apart(
    ask: Callable[..., TestResponse], factory: Factory, theirs: str, route: tuple[str, str, str, dict[str, Any]]
) -> None:
    before = state_of(factory)
    factory.faults.calls.clear()

    foreign = ask(route, theirs)
    reads_of_foreign = [*factory.faults.calls]
    factory.faults.calls.clear()
    absent = ask(route, NOBODY_HAS)

    assert foreign.status_code == 404
    assert facts_of(foreign, theirs) == facts_of(absent, NOBODY_HAS)
    assert reads_of_foreign == factory.faults.calls == ["executions.read_progress"]
    assert state_of(factory) == before


def state_of(factory: Factory) -> tuple[object, ...]:
    """Everything that is stored anywhere."""
    store = factory.store
    return (
        dict(store.executions),
        dict(store.progress),
        {execution_id: dict(results) for execution_id, results in store.results.items()},
        dict(factory.tasks.waiting),
        dict(factory.tasks.watches),
        len(factory.model.calls),
    )


def test_the_owner_still_reaches_all_of_it(ask: Callable[..., TestResponse], theirs: str) -> None:
    for route in ROUTES:
        assert ask(route, theirs, user="ada").status_code in (200, 202, 304, 400, 409), route


@pytest.mark.parametrize("query", ["", "?limit=500", "?status=queued,processing", "?cursor={created_at}"])
def test_nobodys_list_has_anothers_executions(
    status: Function, submit: Function, theirs: str, factory: Factory, query: str
) -> None:
    created_at = data_of(status.get(f"/api/executions/{theirs}"))["created_at"]
    factory.clock.advance(60)
    own = execution_of(submit, user="eve")

    with_ada = data_of(status.get(f"/api/executions{query.format(created_at=created_at)}", user="eve"))
    listed = [one["id"] for one in with_ada["executions"]]

    assert listed == ([] if "cursor" in query else [own])
    assert with_ada["next_cursor"] is None


def test_an_idempotency_key_belongs_to_its_user(submit: Function, theirs: str) -> None:
    headers = {"Idempotency-Key": "ada's"}

    same, other = (
        submit.post(EXECUTE, user="eve", json=LIGHTHOUSE | changes, headers=headers)
        for changes in ({}, {"prompts_text": "another prompt"})
    )

    assert data_of(same, 202)["execution_id"] != theirs
    assert "Idempotency-Replayed" not in same.headers
    # What is taken is eve's own, not ada's.
    error_of(other, 422, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize("user", ["ADA", "ada ", "ada\x00", "ada/", "ad", "adaa", "áda", "*"])
def test_a_user_is_a_subject_to_the_letter(status: Function, theirs: str, user: str) -> None:
    error_of(status.get(f"/api/executions/{theirs}", user=user), 404, "NOT_FOUND")
    assert data_of(status.get("/api/executions", user=user))["executions"] == []


def variants(execution_id: str) -> Iterator[str]:
    """The id as somebody might write it who hopes for another way to it."""
    yield execution_id.replace("-", "")
    yield f"{{{execution_id}}}"
    yield f"urn:uuid:{execution_id}"
    yield f"{execution_id}%00"
    yield f"{execution_id}/"
    yield f"./{execution_id}"
    yield f"{NOBODY_HAS}/../{execution_id}"
    yield f"{NOBODY_HAS}%2f..%2f{execution_id}"


def test_no_other_spelling_of_an_id_leads_to_it(status: Function, theirs: str) -> None:
    for spelled in variants(theirs):
        for user in ("eve", "ada"):
            error_of(status.get(f"/api/executions/{spelled}", user=user), 404, "NOT_FOUND")
    error_of(status.get(f"/api/executions/{theirs.upper()}", user="eve"), 404, "NOT_FOUND")
