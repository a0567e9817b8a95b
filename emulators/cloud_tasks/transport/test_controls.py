"""The test controls, apart from the API: everything below /_local/ on the REST port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from emulators.cloud_tasks.wire.errors import ApiError, invalid, queue_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.dispatch.delivery_log import DeliveryLog
    from emulators.cloud_tasks.dispatch.dispatcher import Dispatcher
    from emulators.cloud_tasks.queues.queue import QueueRuntime
    from emulators.cloud_tasks.queues.registry import Registry

_MAX_WAIT_S = 3600.0
_MAX_DELIVERIES = 5000


class TestControls:
    """Wait until idle, reset, list deliveries, deliver twice, and set the clock."""

    def __init__(
        self,
        clock: Clock,
        registry: Registry,
        dispatcher: Dispatcher,
        delivery_log: DeliveryLog,
        reset: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._delivery_log = delivery_log
        self._reset = reset
        self._waiters: set[asyncio.Event] = set()
        dispatcher.on_idle = self._wake_waiters

    def routes(self) -> list[web.RouteDef]:
        """The routes to serve."""
        return [
            web.get("/_local/health", self._health),
            web.get("/_local/queues", self._queues),
            web.post("/_local/wait-idle", self._wait_idle),
            web.post("/_local/reset", self._do_reset),
            web.get("/_local/deliveries", self._deliveries),
            web.delete("/_local/deliveries", self._forget_deliveries),
            web.put("/_local/duplicates", self._set_duplicates),
            web.get("/_local/clock", self._show_clock),
            web.put("/_local/clock", self._set_clock),
        ]

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _queues(self, _request: web.Request) -> web.Response:
        return web.json_response({"queues": [self._state_of(queue) for queue in self._registry]})

    async def _wait_idle(self, request: web.Request) -> web.Response:
        """Answer 200 once the queue has no tasks, 504 after the timeout.

        `?queue=NAME` (default: every queue), `?timeout=SECONDS` of real time (30). `?scheduled=ignore` waits only for
        attempts that run or may begin now, not for tasks that wait for their time, a token, or a resume.
        """
        limit = min(_number(request.query.get("timeout", "30")), _MAX_WAIT_S)
        changed = asyncio.Event()
        self._waiters.add(changed)
        try:
            async with asyncio.timeout(limit):
                while busy := self._busy(request.query):
                    changed.clear()
                    await changed.wait()
            return web.json_response({"idle": True})
        except TimeoutError:
            return web.json_response({"idle": False, "busy": busy}, status=504)
        finally:
            self._waiters.discard(changed)

    async def _do_reset(self, _request: web.Request) -> web.Response:
        self._reset()
        self._wake_waiters()
        return web.json_response({})

    async def _deliveries(self, request: web.Request) -> web.Response:
        """`?queue=`, `?task=` (short id), `?after=` (a delivery's number) and `?limit=` choose."""
        query = request.query
        after, limit = int(_number(query.get("after", "0"))), int(_number(query.get("limit", str(_MAX_DELIVERIES))))
        chosen = self._delivery_log.select(query.get("queue", ""), query.get("task", ""), after, limit)
        deliveries = [delivery.as_json() for delivery in chosen]
        return web.json_response({"total": self._delivery_log.total, "deliveries": deliveries})

    async def _forget_deliveries(self, _request: web.Request) -> web.Response:
        self._delivery_log.clear()
        return web.json_response({})

    async def _set_duplicates(self, request: web.Request) -> web.Response:
        """`{"queue": NAME, "share": 0..1}`: that share of the queue's scheduled dispatches is sent twice at once."""
        body = await _object(request)
        share = _number(body.get("share", 0))
        if share > 1:
            raise invalid("share must be between 0 and 1")
        queue = self._registry.get(str(body.get("queue", "")))
        if queue is None:
            raise queue_missing()
        queue.duplicate_share = share
        return web.json_response(self._state_of(queue))

    async def _show_clock(self, _request: web.Request) -> web.Response:
        return web.json_response({"now": self._clock.now(), "speed": self._clock.speed})

    async def _set_clock(self, request: web.Request) -> web.Response:
        """`{"speed": N}` (0 stands still) and/or `{"advance": SECONDS}`."""
        body = await _object(request)
        if "speed" in body:
            self._clock.set_speed(_number(body["speed"]))
        if "advance" in body:
            self._clock.advance(_number(body["advance"]))
        # Start the tasks that are due now before the caller gets the answer.
        await asyncio.sleep(0)
        return await self._show_clock(request)

    def _wake_waiters(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    def _busy(self, query: Mapping[str, str]) -> list[dict[str, object]]:
        name = query.get("queue", "")
        if name and self._registry.get(name) is None:
            raise queue_missing()
        queues = [queue for queue in self._registry if name in ("", queue.name.path)]
        if query.get("scheduled") == "ignore":
            now = self._clock.now()
            return [self._state_of(queue) for queue in queues if queue.in_flight or queue.may_dispatch(now)]
        return [self._state_of(queue) for queue in queues if not queue.is_idle]

    def _state_of(self, queue: QueueRuntime) -> dict[str, object]:
        now = self._clock.now()
        return {
            "name": queue.name.path,
            "tasks": len(queue.tasks),
            "waiting": len(queue.waiting),
            "inFlight": queue.in_flight,
            "tokens": round(queue.bucket.tokens(now), 3),
            "nextDue": queue.waiting.next_due(),
            "duplicateShare": queue.duplicate_share,
        }


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise invalid("the body is not JSON") from None
    if not isinstance(body, dict):
        raise invalid("the body must be a JSON object")
    return body


def _number(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever JSON or a query string holds
    except (TypeError, ValueError):
        raise ApiError(invalid("").code, f"{value!r} is not a number") from None
    if not 0 <= number < float("inf"):
        raise invalid(f"{value!r} must be zero or more")
    return number
