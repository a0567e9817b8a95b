"""Status: how an execution stands, and a page of its results."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory.domain.errors import NotFound
from imagefactory.domain.estimate import time_left
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.usecases import views
from imagefactory.usecases.cursors import ChangeCursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from imagefactory.domain.execution import Execution, Tally
    from imagefactory.ports import Clock, Executions, Links

#: Milliseconds after which asking again makes sense.
POLL_AFTER_MS = 2000
#: How many results are read from the store at once.
WINDOW = 500


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which results to show: `first` index, at most `limit`, only these statuses; or what changed `since`."""

    limit: int = 50
    first: int = 0
    statuses: tuple[ResultStatus, ...] = ()
    since: ChangeCursor | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer: its validator for conditional requests, and its data (None: the caller's copy is still good)."""

    etag: str
    data: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class _Page:
    results: Sequence[Result]
    next_cursor: str | None
    next_since: ChangeCursor
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class ShowExecution:
    """Describe an execution to its owner. `rate` is the queue's, in tasks a second."""

    executions: Executions
    links: Links
    clock: Clock
    rate: float

    def __call__(
        self, user: str, execution_id: str, page: PageRequest, is_known: Callable[[str], bool] = lambda _: False
    ) -> Shown:
        """The execution with a page of results; one read when the caller says that its validator `is_known`.

        Raises:
            NotFound: it does not exist, or it belongs to somebody else.
        """
        tally = owned_tally(self.executions, user, execution_id)
        now = self.clock.now()
        etag = self._etag(tally, page, now)
        if is_known(etag):
            return Shown(etag, None)
        execution = self.executions.get(execution_id)
        if execution is None:
            raise NotFound
        shown = self._page(execution, tally, page)
        data = views.execution(execution, tally) | {
            "estimated_seconds_left": time_left(tally, now, self.rate, execution.recipe.expected_seconds),
            "poll_after_ms": None if tally.status.is_terminal else POLL_AFTER_MS,
            "batch_results": list(self._described(execution, shown.results, now)),
            "next_cursor": shown.next_cursor,
            "next_since": shown.next_since.encoded(),
            "has_more": shown.has_more,
        }
        return Shown(etag, data)

    def lines(self, user: str, execution_id: str) -> Iterator[Mapping[str, object]]:
        """Every result of the execution, in input order, whatever became of it.

        Raises:
            NotFound: at once, before the first line.
        """
        owned_tally(self.executions, user, execution_id)
        execution = self.executions.get(execution_id)
        if execution is None:
            raise NotFound
        return self._lines(execution)

    def _lines(self, execution: Execution) -> Iterator[Mapping[str, object]]:
        for first in range(0, execution.prompt_count, WINDOW):
            count = min(WINDOW, execution.prompt_count - first)
            yield from self._described(execution, self._window(execution, first, count), self.clock.now())

    def _etag(self, tally: Tally, page: PageRequest, now: datetime) -> str:
        """Changes with every result, with the page asked for, and before the addresses in it expire."""
        facts = f"{tally.execution_id} {tally.version} {page} {self.links.window(now)}"
        return hashlib.sha256(facts.encode()).hexdigest()[:32]

    def _page(self, execution: Execution, tally: Tally, page: PageRequest) -> _Page:
        now = ChangeCursor.of(tally)
        if page.since:
            return self._changes(execution, page, page.since, now)
        if ResultStatus.PENDING in page.statuses:
            found = self._scan(execution, page)
        elif page.statuses:
            found = self.executions.results_in(execution.id, page.statuses, page.first, page.limit + 1)
        else:
            count = min(page.limit + 1, max(execution.prompt_count - page.first, 0))
            found = self._window(execution, page.first, count)
        more = str(found[page.limit].index) if len(found) > page.limit else None
        return _Page(found[: page.limit], more, now, has_more=more is not None)

    def _changes(self, execution: Execution, page: PageRequest, since: ChangeCursor, now: ChangeCursor) -> _Page:
        """What changed since; when that is more than a page, `next_since` leads on to the rest."""
        if since.version == now.version:
            return _Page([], None, now, has_more=False)
        found = self.executions.results_since(execution.id, since.at, since.after, page.limit)
        results = [result for _, result in found if not page.statuses or result.status in page.statuses]
        if len(found) == page.limit:
            changed_at, last = found[-1]
            now = ChangeCursor(changed_at, after=last.index)
        return _Page(results, None, now, has_more=len(found) == page.limit)

    def _scan(self, execution: Execution, page: PageRequest) -> list[Result]:
        """Look through all results in order: pending ones may have no document to query for."""
        found: list[Result] = []
        for first in range(page.first, execution.prompt_count, WINDOW):
            window = self._window(execution, first, min(WINDOW, execution.prompt_count - first))
            found += [result for result in window if result.status in page.statuses]
            if len(found) > page.limit:
                break
        return found[: page.limit + 1]

    def _window(self, execution: Execution, first: int, count: int) -> list[Result]:
        known = self.executions.results(execution.id, first, count)
        return [known.get(index) or Result(index) for index in range(first, first + count)]

    def _described(
        self, execution: Execution, results: Sequence[Result], now: datetime
    ) -> Iterator[Mapping[str, object]]:
        prompts = self.executions.prompts(execution, [result.index for result in results])
        images = [result.image for result in results if result.image]
        addresses = iter(self.links.urls(images, now))
        for result in results:
            yield views.result(result, prompts[result.index], next(addresses) if result.image else None)


def owned_tally(executions: Executions, user: str, execution_id: str) -> Tally:
    """The tally of the user's execution.

    Raises:
        NotFound: it does not exist, or it belongs to somebody else: the answers are the same.
    """
    tally = executions.tally(execution_id)
    if tally is None or tally.user != user:
        raise NotFound(f"There is no execution {execution_id}.")
    return tally
