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

MAX_DISPATCHES_PER_SECOND = 500.0
MAX_CONCURRENT_DISPATCHES = 5000
_DEFAULT_CONCURRENT_DISPATCHES = 1000
_DEFAULT_ATTEMPTS = 100
_DEFAULT_DOUBLINGS = 16
_DEFAULT_MIN_BACKOFF_S = 0.1
_DEFAULT_MAX_BACKOFF_S = 3600.0
# A caller may send these fields, or name them in a mask, but never change them.
_OUTPUT_ONLY = frozenset({"name", "state", "purge_time", "rate_limits.max_burst_size"})
_SETTINGS = (
    "app_engine_routing_override",
    "http_target",
    "rate_limits",
    "retry_config",
    "stackdriver_logging_config",
)


def burst_for(rate: float) -> int:
    """The bucket's size for a rate a second; it fits three real queues (0.25/s and 1/s: 10, 500/s: 100)."""
    return max(10, int(rate / 5))


def new_queue(wanted: Queue) -> Queue:
    """The queue to store for a caller's `wanted` one: its settings with defaults, RUNNING; raises ApiError."""
    queue = Queue(name=wanted.name, state=QueueState.RUNNING)
    return _fill_and_check(_merge(queue, wanted, _SETTINGS))


def update_queue(stored: Queue, wanted: Queue, mask: FieldMask) -> Queue:
    """A copy of `stored` with the settings in `mask` from `wanted`; an empty mask means all. Raises ApiError."""
    queue = Queue()
    queue.CopyFrom(stored)
    return _fill_and_check(_merge(queue, wanted, _paths(mask)))


def _paths(mask: FieldMask) -> tuple[str, ...]:
    if not mask.paths or "*" in mask.paths:
        return _SETTINGS
    for path in mask.paths:
        if not FieldMask(paths=[path]).IsValidForDescriptor(Queue.DESCRIPTOR):
            raise invalid(f'The update mask names "{path}", which is not a field of Queue.')
    return tuple(path for path in mask.paths if path not in _OUTPUT_ONLY)


def _merge(queue: Queue, wanted: Queue, paths: tuple[str, ...]) -> Queue:
    mask = FieldMask(paths=paths)
    mask.MergeMessage(wanted, queue, replace_message_field=True, replace_repeated_field=True)
    return queue


def _fill_and_check(queue: Queue) -> Queue:
    fill_rate_limits(queue.rate_limits)
    fill_retry_config(queue.retry_config)
    if queue.HasField("http_target"):
        _normalize_target(queue.http_target)
    sampling = queue.stackdriver_logging_config.sampling_ratio
    if not 0 <= sampling <= 1:
        raise invalid("StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.")
    return queue


def fill_rate_limits(limits: RateLimits) -> None:
    """Fill in the rate limits' defaults, in place; raises ApiError for one out of range."""
    rate, concurrent = limits.max_dispatches_per_second, limits.max_concurrent_dispatches
    if rate < 0:
        raise invalid("RateLimits.maxDispatchesPerSecond cannot be negative.")
    # This way it refuses NaN, too.
    if not rate <= MAX_DISPATCHES_PER_SECOND:
        raise invalid("RateLimits.maxDispatchesPerSecond must be less than or equal to 500.")
    if concurrent < 0:
        raise invalid("RateLimits.maxConcurrentDispatches cannot be negative.")
    if concurrent > MAX_CONCURRENT_DISPATCHES:
        raise invalid("RateLimits.maxConcurrentDispatches must be less than or equal to 5000.")
    limits.max_dispatches_per_second = rate or MAX_DISPATCHES_PER_SECOND
    limits.max_concurrent_dispatches = concurrent or _DEFAULT_CONCURRENT_DISPATCHES
    limits.max_burst_size = burst_for(limits.max_dispatches_per_second)


def fill_retry_config(config: RetryConfig) -> None:
    """Fill in a retry config's defaults, in place; zero means unset, as in the real service. Raises ApiError."""
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


def retry_config_with_defaults(config: RetryConfig) -> RetryConfig:
    """A copy of a task's own retry config, with a new queue's defaults for unset fields."""
    filled = RetryConfig()
    filled.CopyFrom(config)
    fill_retry_config(filled)
    return filled


def _not_negative(name: str, value: Duration) -> None:
    if not is_valid(value):
        raise invalid(f"RetryConfig.{name} is not a valid duration.")
    if seconds_of(value) < 0:
        raise invalid(f"RetryConfig.{name} cannot be negative.")


def _default(value: Duration, seconds: float) -> None:
    if seconds_of(value) == 0:
        value.CopyFrom(duration(seconds))


def _normalize_target(target: HttpTarget) -> None:
    override = target.uri_override
    if not (in_enum(HttpMethod, target.http_method) and in_enum(UriScheme, override.scheme)):
        raise invalid("HttpTarget holds an HTTP method or a scheme that does not exist.")
    if override.HasField("host") and not override.host:
        raise invalid("UriOverride.host cannot be empty.")
    if override.HasField("port") and not 0 <= override.port <= 65535:  # noqa: PLR2004 - the largest port number
        raise invalid("UriOverride.port must be between 0 and 65535.")
    allowed = [entry for entry in target.header_overrides if queue_may_set(entry.header.key)]
    if len(allowed) < len(target.header_overrides):
        target.ClearField("header_overrides")
        target.header_overrides.extend(allowed)
