"""Thousands of interleavings with crashes, outages, copies, lost tasks and jumps of time; each is told by its seed."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from imagefactory import log
from imagefactory.domain.result import ResultStatus
from imagefactory.testing import Crash, Moment
from tests.harness.factory import KEY, Factory
from tests.unit.usecases.interleavings import Interleaving

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_ATTEMPTS = 3
GROUPS, SEEDS = 20, 60


@pytest.fixture(autouse=True)
def one_processor_and_a_quiet_log() -> Iterator[None]:
    """Handing control to a thread on another processor takes ten times as long; each worker has one of its own."""
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if processors:
        number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        os.sched_setaffinity(0, {sorted(processors)[number % len(processors)]})
    log.set_level("error")
    yield
    log.set_level("info")
    if processors:
        os.sched_setaffinity(0, processors)


def check(interleaving: Interleaving) -> None:
    factory, seed = interleaving.factory, f"seed {interleaving.seed}"
    for key, answers in interleaving.answers.items():
        assert len(answers) <= 1, f"{seed}: the key {key} made {answers}"
    assert set().union(*interleaving.answers.values()) <= set(factory.store.progress), seed
    assert len(factory.store.progress) <= len(interleaving.keys), seed
    for execution_id in factory.store.progress:
        check_execution(factory, execution_id, seed)
    check_payments(interleaving, seed)


def check_execution(factory: Factory, execution_id: str, seed: str) -> None:
    progress, execution = factory.read_progress(execution_id), factory.read_execution(execution_id)
    results = [factory.read_result(execution_id, index) for index in range(execution.prompt_count)]
    assert all(result.status.is_terminal for result in results), f"{seed}: {results}"
    for status in ResultStatus:
        assert getattr(progress, status.value) == sum(result.status is status for result in results), (
            f"{seed}: {progress}"
        )
    assert sum(progress.counts().values()) == 2 * progress.total, seed
    assert progress.cost_microusd == sum(result.cost_microusd for result in results), seed
    assert (execution.encrypted_key, execution.final_status) == (None, progress.status), f"{seed}: {execution}"
    shown = {one["batch_index"]: one.get("result_url") for one in factory.show_page(execution_id)["batch_results"]}
    for result in results:
        stored = factory.images.of(execution_id, result.index)
        assert len(stored) <= 1, f"{seed}: {stored}"
        assert bool(shown[result.index]) == (result.status is ResultStatus.COMPLETED), seed
        if result.status is ResultStatus.COMPLETED:
            assert result.image is not None
            assert stored == [result.image.name], seed


def check_payments(interleaving: Interleaving, seed: str) -> None:
    """No call beyond the attempts, and none by an attempt that began after the image was stored."""
    calls = interleaving.factory.model.calls_by_prompt()
    for text, generation in generations(interleaving.factory):
        assert calls[text] <= MOST_ATTEMPTS * (1 + generation), f"{seed}: {calls}"
    assert {call.api_key for call in interleaving.factory.model.calls} <= {KEY}, f"{seed}: a call without the key"
    stored: set[tuple[str, int]] = set()
    begun: dict[int, bool] = {}
    for prompt, actor, what in interleaving.noted:
        if what == "executions.apply":
            begun.setdefault(id(actor), prompt in stored)
        elif what == "images.put":
            stored.add(prompt)
        else:
            assert not begun[id(actor)], f"{seed}: {prompt} was paid again after its image was stored"


def generations(factory: Factory) -> Iterator[tuple[str, int]]:
    """Each prompt, and how often it was retried."""
    for execution_id in factory.store.progress:
        execution = factory.read_execution(execution_id)
        for index, prompt in factory.executions.prompts(execution, range(execution.prompt_count)).items():
            yield prompt.text, factory.read_result(execution_id, index).generation


@pytest.mark.parametrize("group", range(GROUPS))
def test_whatever_interleaves_dies_or_is_lost_everything_ends_and_is_paid_once(group: int) -> None:
    for seed in range(group * SEEDS, (group + 1) * SEEDS):
        interleaving = Interleaving(seed)

        interleaving.run()

        check(interleaving)


@pytest.mark.parametrize("fault_rate", [0.0, 0.01, 0.15])
def test_calm_runs_and_storms_hold_the_same_promises(fault_rate: float) -> None:
    for seed in range(60):
        interleaving = Interleaving(seed, fault_rate=fault_rate)

        interleaving.run()

        check(interleaving)


def test_faults_strike_both_sides_of_every_call() -> None:
    struck: Counter[str] = Counter()

    for seed in range(80):
        interleaving = Interleaving(seed, fault_rate=0.06, trouble=400)
        interleaving.run()
        struck += interleaving.counted

    calls = {f"{name} {moment.name.lower()}" for name in CALLS for moment in Moment}
    assert not {call for call in calls if not struck[call]}
    assert all(struck[kind] for kind in ("copy", "late copy", "retry", "purge", "given up", Crash.__name__)), struck


#: Every call of a port that submit, generate, retry and the watchdog make.
CALLS = (
    *(
        "reservations.reserve",
        "reservations.take_over",
        "reservations.write_prompts",
        "reservations.count_pending_elsewhere",
        "reservations.accept",
    ),
    *(
        "reservations.mark_enqueued",
        "encryption.encrypt",
        "encryption.decrypt",
        "tasks.enqueue_check",
        "tasks.enqueue",
        "tasks.find_missing",
    ),
    *("executions.load", "executions.get", "executions.read_progress", "executions.prompts", "executions.apply"),
    *("executions.results", "executions.results_in", "executions.note_recovery", "executions.close"),
    "executions.reopen",
    *("images.find", "images.put", "model.generate"),
)
