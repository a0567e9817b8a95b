"""Status: how an execution stands, and a page of its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory.domain.cursor import ChangeCursor
from imagefactory.domain.errors import NotFound
from imagefactory.domain.estimate import time_left
from imagefactory.domain.execution import Snapshot
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.usecases.window import read_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from imagefactory.domain.execution import Execution, Progress, Prompt
    from imagefactory.ports import Clock, Executions, ImageUrls

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
class ResultDetails:
    """A result, its prompt, and its image's address with the moment when that stops working (None: never)."""

    result: Result
    prompt: Prompt
    address: tuple[str, datetime | None] | None = None


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """An execution with some of its results. `seconds_left` is an estimate, None once the execution has ended.

    `next_index` is where the next page begins, None after the last; `next_since` leads to the changes after this page.
    """

    snapshot: Snapshot
    seconds_left: int | None
    results: Sequence[ResultDetails]
    next_index: int | None
    next_since: ChangeCursor
    has_more: bool


@dataclass(frozen=True, slots=True)
class ShownExecution:
    """A page and its version; no page where the caller has this version already.

    The version changes with every result, with the page asked for, and before the addresses in the page expire.
    """

    version: str
    page: ExecutionPage | None


@dataclass(frozen=True, slots=True)
class _Page:
    results: Sequence[Result]
    next_index: int | None
    next_since: ChangeCursor
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class ShowExecution:
    """Describe an execution to its owner. `rate` is the queue's, in tasks a second."""

    executions: Executions
    image_urls: ImageUrls
    clock: Clock
    rate: float

    def __call__(
        self, user: str, execution_id: str, page: PageRequest, is_known: Callable[[str], bool] = lambda _: False
    ) -> ShownExecution:
        """Read a page of the execution; one read in all when the caller says that the page's version `is_known`.

        Raises:
            NotFound: the execution does not exist, or it belongs to somebody else.
        """
        progress = load_owned_progress(self.executions, user, execution_id)
        now = self.clock.now()
        version = f"{progress.execution_id} {progress.version} {page} {self.image_urls.window(now)}"
        if is_known(version):
            return ShownExecution(version, None)
        execution = self._execution(execution_id)
        selected = self._page(execution, progress, page)
        return ShownExecution(
            version,
            ExecutionPage(
                Snapshot(execution, progress),
                time_left(progress, now, self.rate, execution.parameters.expected_seconds),
                list(self._details(execution, selected.results, now)),
                selected.next_index,
                selected.next_since,
                selected.has_more,
            ),
        )

    def all_results(self, user: str, execution_id: str) -> Iterator[ResultDetails]:
        """Every result of the execution, in input order, whatever became of it.

        Raises:
            NotFound: at once, before the first result.
        """
        load_owned_progress(self.executions, user, execution_id)
        return self._all_details(self._execution(execution_id))

    def _execution(self, execution_id: str) -> Execution:
        execution = self.executions.get(execution_id)
        if execution is None:
            raise NotFound
        return execution

    def _all_details(self, execution: Execution) -> Iterator[ResultDetails]:
        for first in range(0, execution.prompt_count, WINDOW):
            count = min(WINDOW, execution.prompt_count - first)
            yield from self._details(execution, read_window(self.executions, execution, first, count), self.clock.now())

    def _page(self, execution: Execution, progress: Progress, page: PageRequest) -> _Page:
        now = ChangeCursor.of(progress)
        if page.since:
            return self._changes(execution, page, page.since, now)
        if ResultStatus.PENDING in page.statuses:
            results = self._scan(execution, page)
        elif page.statuses:
            results = self.executions.results_in(execution.id, page.statuses, page.first, page.limit + 1)
        else:
            count = min(page.limit + 1, max(execution.prompt_count - page.first, 0))
            results = read_window(self.executions, execution, page.first, count)
        more = results[page.limit].index if len(results) > page.limit else None
        return _Page(results[: page.limit], more, now, has_more=more is not None)

    def _changes(self, execution: Execution, page: PageRequest, since: ChangeCursor, now: ChangeCursor) -> _Page:
        """What changed since; when that is more than a page, `next_since` leads on to the rest."""
        if since.version == now.version:
            return _Page([], None, now, has_more=False)
        changes = self.executions.results_since(execution.id, since.at, since.after, page.limit)
        results = [result for _, result in changes if not page.statuses or result.status in page.statuses]
        if len(changes) == page.limit:
            changed_at, last = changes[-1]
            now = ChangeCursor(changed_at, after=last.index)
        return _Page(results, None, now, has_more=len(changes) == page.limit)

    def _scan(self, execution: Execution, page: PageRequest) -> list[Result]:
        """Look through all results in order: pending ones may have no document to query for."""
        matching: list[Result] = []
        for first in range(page.first, execution.prompt_count, WINDOW):
            window = read_window(self.executions, execution, first, min(WINDOW, execution.prompt_count - first))
            matching += [result for result in window if result.status in page.statuses]
            if len(matching) > page.limit:
                break
        return matching[: page.limit + 1]

    def _details(self, execution: Execution, results: Sequence[Result], now: datetime) -> Iterator[ResultDetails]:
        prompts = self.executions.prompts(execution, [result.index for result in results])
        images = [result.image for result in results if result.image]
        addresses = iter(self.image_urls.urls(images, now))
        for result in results:
            yield ResultDetails(result, prompts[result.index], next(addresses) if result.image else None)


def load_owned_progress(executions: Executions, user: str, execution_id: str) -> Progress:
    """The progress of the user's execution.

    Raises:
        NotFound: it does not exist, or it belongs to somebody else: the answers are the same.
    """
    progress = executions.read_progress(execution_id)
    if progress is None or progress.user != user:
        raise NotFound(f"There is no execution {execution_id}.")
    return progress
