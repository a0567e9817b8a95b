"""A watch tells every change once, asks as often as it should, and bears what passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory_client import NotFound, Unavailable
from tests.unit.client.answers import ID, page
from tests.unit.client.server import NO_ANSWER, Reply, failure, success

if TYPE_CHECKING:
    from imagefactory_client import Client
    from tests.unit.client.server import Clock, Server

UNCHANGED = Reply(304)


def test_every_change_is_told_once_to_the_end(client: Client, server: Server, clock: Clock) -> None:
    server.answer(
        success(page(0), ETag='"a"'),
        UNCHANGED,
        success(page(1, poll_after_ms=3500), ETag='"b"'),
        success(page(1, poll_after_ms=3500), ETag='"c"'),
        success(page(2), ETag='"d"'),
    )

    told = [execution.percent for execution in client.watch(ID)]

    assert told == [0, 50, 100]
    etags = [received.headers.get("if-none-match") for received in server.received]
    assert etags == [None, '"a"', '"a"', '"b"', '"c"']
    assert clock.slept == [2, 2, 3.5, 3.5]


def test_an_execution_that_has_ended_is_told_once(client: Client, server: Server, clock: Clock) -> None:
    server.answer(success(page(2)))

    assert [execution.has_ended for execution in client.watch(ID)] == [True]
    assert clock.slept == []


@pytest.mark.parametrize("trouble", [failure(503, "UNAVAILABLE"), failure(500, "INTERNAL"), NO_ANSWER])
def test_a_watch_bears_what_passes(client: Client, server: Server, trouble: Reply) -> None:
    server.answer(success(page(0)), *[trouble] * 20, success(page(2)))

    assert [execution.percent for execution in client.watch(ID)] == [0, 100]


def test_a_watch_does_not_bear_it_for_ever(client: Client, server: Server, clock: Clock) -> None:
    server.answer(success(page(0)), failure(503, "UNAVAILABLE", Retry_After="20"))

    with pytest.raises(Unavailable):
        list(client.watch(ID))

    assert 600 < clock.now < 800


def test_what_will_not_pass_ends_a_watch(client: Client, server: Server) -> None:
    server.answer(success(page(0)), failure(404, "NOT_FOUND"))

    with pytest.raises(NotFound):
        list(client.watch(ID))


def test_a_watch_ends_when_its_time_is_over(client: Client, server: Server, clock: Clock) -> None:
    server.answer(success(page(0)), UNCHANGED)

    assert [execution.has_ended for execution in client.watch(ID, max_seconds=5)] == [False]
    assert clock.now == 5
