"""The client: one method for each thing that the API does."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import quote

from imagefactory_client import downloading
from imagefactory_client.errors import ApiError, ImageFactoryError, StillAccepting
from imagefactory_client.http import SUBMIT_SECONDS, Http, Request, Sleep, Token, parse_data
from imagefactory_client.records import Accepted, Changes, Execution, Json, Result, Retried
from imagefactory_client.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from imagefactory_client.records import Batch

T = TypeVar("T")
PAGE_LIMIT = 500
DEFAULT_POLL_SECONDS = 2.0
#: For how long a watch bears that nothing answers, and a submit that the API is still accepting it.
MAX_FAILING_SECONDS = 600.0


class Client:
    """A user of the API at `url`. `token` is an ID token, or answers one; it is called again once after a 401.

    Not for several threads at once: give each its own. `sleep` and `clock` count seconds. Every method raises ApiError
    when the API refuses and Unreachable when no answer comes, five tries later.
    """

    def __init__(
        self, url: str, token: Token, *, sleep: Sleep = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = Http(url, token, sleep)
        self._sleep = sleep
        self._clock = clock

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.session.close()

    def workflow(self, workflow_id: str) -> Workflow:
        """Read what can be asked: models, ratios, prices, limits."""
        return self._http.read(Request("GET", _workflow_path(workflow_id)), Workflow.parse)

    def submit(
        self, batch: Batch, *, workflow_id: str, api_key: str | None = None, idempotency_key: str | None = None
    ) -> Accepted:
        """Submit a batch; with the same `idempotency_key` it is safe to repeat.

        Waits while the API is still accepting the first submit with this key. Raises OSError if a reference cannot be
        read.
        """
        # Half a surrogate pair is for the API to refuse.
        body = json.dumps(batch.build_body(api_key), ensure_ascii=False).encode("utf-8", "surrogatepass")
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        path = f"{_workflow_path(workflow_id)}/execute"
        request = Request("POST", path, headers=headers, body=body, read_seconds=SUBMIT_SECONDS)
        deadline = self._clock() + MAX_FAILING_SECONDS
        while True:
            try:
                answer = self._http.send(request)
            except StillAccepting as error:
                if self._clock() > deadline:
                    raise
                self._sleep(error.retry_after or DEFAULT_POLL_SECONDS)
            else:
                is_replay = answer.headers.get("Idempotency-Replayed") == "true"
                return parse_data(answer, partial(Accepted.parse, is_replay=is_replay))

    def execution(self, execution_id: str) -> Execution:
        """Read how an execution stands."""
        return self._http.read(Request("GET", _execution_path(execution_id), {"limit": "1"}), Execution.parse)

    def executions(self, status: str | Iterable[str] = ()) -> Iterator[Execution]:
        """Read the user's executions in these statuses (none: in all), newest first, page by page."""
        return self._pages("/api/executions", status, "executions", Execution.parse)

    def results(self, execution_id: str, status: str | Iterable[str] = ()) -> Iterator[Result]:
        """Read an execution's results in these statuses (none: in all) in input order, page by page."""
        return self._pages(_execution_path(execution_id), status, "batch_results", Result.parse)

    def changes(self, execution_id: str, since: str) -> Changes:
        """Read what changed since the `next_since` of an Execution or of earlier Changes."""
        results: dict[int, Result] = {}
        has_more = True
        while has_more:
            query = {"limit": str(PAGE_LIMIT), "since": since}
            request = Request("GET", _execution_path(execution_id), query)
            changes, has_more = self._http.read(request, _parse_changes)
            results |= {result.index: result for result in changes.results}
            since = changes.next_since
        return replace(changes, results=tuple(results[index] for index in sorted(results)))

    def watch(self, execution_id: str, *, max_seconds: float | None = None) -> Iterator[Execution]:
        """Yield how the execution stands, now and whenever something has changed, until it has ended.

        Polls as often as the API asks for. Ends early after `max_seconds` (None: never). Bears failures of the API and
        of the network for ten minutes.
        """
        began = answered = self._clock()
        execution, etag = None, ""
        while True:
            try:
                seen, etag = self._look(execution_id, etag)
                answered = self._clock()
            except ImageFactoryError as error:
                if not _may_pass(error) or self._clock() - answered > MAX_FAILING_SECONDS:
                    raise
                seen = None
            if seen is not None and seen != execution:
                execution = seen
                yield execution
                if execution.has_ended:
                    return
            left = float("inf") if max_seconds is None else began + max_seconds - self._clock()
            if left <= 0:
                return
            poll_ms = execution.poll_after_ms if execution else None
            self._sleep(min(poll_ms / 1000 if poll_ms else DEFAULT_POLL_SECONDS, left))

    def download(self, result: Result, folder: Path) -> Path:
        """Write a completed result's image to `folder/INDEX.EXTENSION`, whole or not at all; return the path.

        Raises DownloadFailed if there is no whole image, OSError if it cannot be written.
        """
        return downloading.download(self._http.session, result, folder, self._sleep)

    def cancel(self, execution_id: str) -> Execution:
        """Cancel what has not begun; return the execution as it then stands."""
        return self._http.read(Request("POST", f"{_execution_path(execution_id)}/cancel"), Execution.parse)

    def retry(
        self,
        execution_id: str,
        *,
        statuses: Iterable[str] | None = None,
        error_codes: Iterable[str] | None = None,
        indexes: Iterable[int] | None = None,
        api_key: str | None = None,
    ) -> Retried:
        """Run failed, blocked or cancelled results again: those that fit every filter given, None being no filter.

        `api_key` is needed once the execution has ended.
        """
        filters = {"status": statuses, "error_codes": error_codes, "batch_index": indexes}
        fields: dict[str, object] = {name: list(values) for name, values in filters.items() if values is not None}
        fields |= {"api_key": api_key} if api_key else {}
        request = Request("POST", f"{_execution_path(execution_id)}/retry", body=json.dumps(fields).encode())
        return self._http.read(request, lambda data: Retried(Execution.parse(data), data["retried"]))

    def _pages(self, path: str, status: str | Iterable[str], name: str, parse: Callable[[Json], T]) -> Iterator[T]:
        """Yield the records under `name` in every page."""
        query = {"limit": str(PAGE_LIMIT)}
        if listed := status if isinstance(status, str) else ",".join(status):
            query["status"] = listed
        cursor: str | None = ""
        while cursor is not None:
            page = Request("GET", path, {**query, "cursor": cursor} if cursor else query)
            records, cursor = self._http.read(page, partial(_parse_page, name, parse))
            yield from records

    def _look(self, execution_id: str, etag: str) -> tuple[Execution | None, str]:
        """The execution and its ETag; None and the same ETag if nothing has changed."""
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._http.send(Request("GET", _execution_path(execution_id), {"limit": "1"}, headers))
        if answer.status_code == HTTPStatus.NOT_MODIFIED:
            return None, etag
        return parse_data(answer, Execution.parse), answer.headers.get("ETag", "")


def _parse_page(name: str, parse: Callable[[Json], T], data: Json) -> tuple[list[T], str | None]:
    return [parse(row) for row in data[name]], data["next_cursor"]


def _parse_changes(data: Json) -> tuple[Changes, bool]:
    """A page of changes, and whether there are more."""
    results = tuple(map(Result.parse, data["batch_results"]))
    return Changes(Execution.parse(data), results, data["next_since"]), data["has_more"]


def _workflow_path(workflow_id: str) -> str:
    return f"/api/workflows/{quote(workflow_id, safe='')}"


def _execution_path(execution_id: str) -> str:
    return f"/api/executions/{quote(execution_id, safe='')}"


def _may_pass(error: ImageFactoryError) -> bool:
    """Whether a watch goes on after this error."""
    return error.is_temporary or (isinstance(error, ApiError) and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR)
