"""Between seconds as floats and the API's timestamps and durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_MICROS = 1_000_000
_NANOS = 1_000_000_000


def timestamp(seconds: float) -> Timestamp:
    """A time cut to the microsecond, as the API keeps schedule, dispatch, response and purge times."""
    micros = int(seconds * _MICROS)
    # The product may have been rounded up: a task that is due now would then be due later.
    if seconds_of(_of_micros(micros)) > seconds:
        micros -= 1
    return _of_micros(micros)


def _of_micros(micros: int) -> Timestamp:
    return Timestamp(seconds=micros // _MICROS, nanos=micros % _MICROS * 1000)


def is_valid(value: Timestamp | Duration) -> bool:
    """Whether the message is a time or duration at all: on the wire it may hold any two numbers."""
    try:
        value.ToJsonString()
    except (ValueError, OverflowError):
        return False
    return True


def whole_second(seconds: float) -> Timestamp:
    """A time cut to the second, as the API keeps create times."""
    return Timestamp(seconds=int(seconds))


def seconds_of(value: Timestamp | Duration) -> float:
    """Seconds, with whatever fraction the message holds."""
    return value.seconds + value.nanos / _NANOS


def duration(seconds: float) -> Duration:
    """A duration to the nanosecond."""
    whole, nanos = divmod(round(seconds * _NANOS), _NANOS)
    return Duration(seconds=whole, nanos=nanos)


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        return timezone(timedelta(hours=-8))


def in_pacific_time(value: Timestamp) -> str:
    """The way the real service shows a time in its refusals: ISO 8601 in US Pacific time."""
    try:
        return datetime.fromtimestamp(value.seconds, UTC).astimezone(_pacific()).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{value.seconds} seconds since 1970"
