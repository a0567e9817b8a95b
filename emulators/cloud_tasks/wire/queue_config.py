"""A queue's settings: defaults, ranges, and which of them an update may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from emulators.cloud_tasks.wire.errors import invalid
from emulators.cloud_tasks.wire.protos import (
    HttpMethod,
    HttpTarget,
    Queue,
    QueueState,
    RateLimits,
    RetryConfig,
    UriScheme,
    in_enum,
)
from emulators.cloud_tasks.wire.reserved_headers import queue_may_set
from emulators.cloud_tasks.wire.times import duration, is_valid, seconds_of

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration

MOST_DISPATCHES_PER_SECOND = 500.0
MOST_CONCURRENT_DISPATCHES = 5000
_DEFAULT_CONCURRENT_DISPATCHES = 1000
_DEFAULT_ATTEMPTS = 100
_DEFAULT_DOUBLINGS = 16
_DEFAULT_MIN_BACKOFF_S = 0.1
_DEFAULT_MAX_BACKOFF_S = 3600.0
# What a caller may name in a mask or send along, but never change.
_OUTPUT_ONLY = frozenset({"name", "state", "purge_time", "rate_limits.max_burst_size"})
_SETTINGS = (
    "app_engine_routing_override",
    "http_target",
    "rate_limits",
    "retry_config",
    "stackdriver_logging_config",
)


def burst_for(rate: float) -> int:
    """The bucket's size for a rate: fits the three sizes seen on real queues (0.25/s and 1/s: 10, 500/s: 100)."""
    return max(10, int(rate / 5))


def new_queue(wanted: Queue) -> Queue:
    """The queue to store for what a caller asked for: its settings, defaults filled in, running."""
    queue = Queue(name=wanted.name, state=QueueState.RUNNING)
    return _settled(_merged(queue, wanted, _SETTINGS))


def updated_queue(stored: Queue, wanted: Queue, mask: FieldMask) -> Queue:
    """The stored queue with the settings that `mask` names taken from `wanted`; an empty mask names all."""
    queue = Queue()
    queue.CopyFrom(stored)
    return _settled(_merged(queue, wanted, _paths(mask)))


def _paths(mask: FieldMask) -> tuple[str, ...]:
    if not mask.paths or "*" in mask.paths:
        return _SETTINGS
    for path in mask.paths:
        if not FieldMask(paths=[path]).IsValidForDescriptor(Queue.DESCRIPTOR):
            raise invalid(f'The update mask names "{path}", which is not a field of Queue.')
    return tuple(path for path in mask.paths if path not in _OUTPUT_ONLY)


def _merged(queue: Queue, wanted: Queue, paths: tuple[str, ...]) -> Queue:
    mask = FieldMask(paths=paths)
    mask.MergeMessage(wanted, queue, replace_message_field=True, replace_repeated_field=True)
    return queue


def _settled(queue: Queue) -> Queue:
    limit_rates(queue.rate_limits)
    limit_retries(queue.retry_config)
    if queue.HasField("http_target"):
        _limit_target(queue.http_target)
    sampling = queue.stackdriver_logging_config.sampling_ratio
    if not 0 <= sampling <= 1:
        raise invalid("StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.")
    return queue


def limit_rates(limits: RateLimits) -> None:
    """Fill in the rate limits' defaults, in place; raises ApiError when one is out of range."""
    rate, concurrent = limits.max_dispatches_per_second, limits.max_concurrent_dispatches
    if rate < 0:
        raise invalid("RateLimits.maxDispatchesPerSecond cannot be negative.")
    # Written so that a NaN is refused too.
    if not rate <= MOST_DISPATCHES_PER_SECOND:
        raise invalid("RateLimits.maxDispatchesPerSecond must be less than or equal to 500.")
    if concurrent < 0:
        raise invalid("RateLimits.maxConcurrentDispatches cannot be negative.")
    if concurrent > MOST_CONCURRENT_DISPATCHES:
        raise invalid("RateLimits.maxConcurrentDispatches must be less than or equal to 5000.")
    limits.max_dispatches_per_second = rate or MOST_DISPATCHES_PER_SECOND
    limits.max_concurrent_dispatches = concurrent or _DEFAULT_CONCURRENT_DISPATCHES
    limits.max_burst_size = burst_for(limits.max_dispatches_per_second)


def limit_retries(config: RetryConfig) -> None:
    """Fill in a retry config's defaults, in place; a zero counts as unset, as in the real service."""
    if config.max_attempts < -1:
        raise invalid("RetryConfig.maxAttempts must be greater or equal to -1.")
    if config.max_doublings < 0:
        raise invalid("RetryConfig.maxDoublings cannot be negative.")
    _not_negative("minBackoff", config.min_backoff)
    _not_negative("maxBackoff", config.max_backoff)
    _not_negative("maxRetryDuration", config.max_retry_duration)
    config.max_attempts = config.max_attempts or _DEFAULT_ATTEMPTS
    config.max_doublings = config.max_doublings or _DEFAULT_DOUBLINGS
    _default(config.min_backoff, _DEFAULT_MIN_BACKOFF_S)
    _default(config.max_backoff, _DEFAULT_MAX_BACKOFF_S)
    if seconds_of(config.max_retry_duration) == 0:
        config.ClearField("max_retry_duration")
    if seconds_of(config.min_backoff) > seconds_of(config.max_backoff):
        raise invalid("RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.")


def filled_retries(config: RetryConfig) -> RetryConfig:
    """A copy of a task's own retry config with the defaults of a new queue where it is silent."""
    filled = RetryConfig()
    filled.CopyFrom(config)
    limit_retries(filled)
    return filled


def _not_negative(name: str, value: Duration) -> None:
    if not is_valid(value):
        raise invalid(f"RetryConfig.{name} is not a valid duration.")
    if seconds_of(value) < 0:
        raise invalid(f"RetryConfig.{name} cannot be negative.")


def _default(value: Duration, seconds: float) -> None:
    if seconds_of(value) == 0:
        value.CopyFrom(duration(seconds))


def _limit_target(target: HttpTarget) -> None:
    override = target.uri_override
    if not (in_enum(HttpMethod, target.http_method) and in_enum(UriScheme, override.scheme)):
        raise invalid("HttpTarget holds an HTTP method or a scheme that does not exist.")
    if override.HasField("host") and not override.host:
        raise invalid("UriOverride.host cannot be empty.")
    if override.HasField("port") and not 0 <= override.port <= 65535:  # noqa: PLR2004 - the largest port number
        raise invalid("UriOverride.port must be between 0 and 65535.")
    kept = [entry for entry in target.header_overrides if queue_may_set(entry.header.key)]
    if len(kept) < len(target.header_overrides):
        target.ClearField("header_overrides")
        target.header_overrides.extend(kept)
