"""Conversions between seconds as floats and the API's timestamps and durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_MICROS = 1_000_000
_NANOS = 1_000_000_000


def timestamp(seconds: float) -> Timestamp:
    """Seconds as a timestamp, cut to the microsecond: for schedule, dispatch, response and purge times."""
    micros = int(seconds * _MICROS)
    # The product may be rounded up, and make a task that is due now due later.
    if seconds_of(_of_micros(micros)) > seconds:
        micros -= 1
    return _of_micros(micros)


def _of_micros(micros: int) -> Timestamp:
    return Timestamp(seconds=micros // _MICROS, nanos=micros % _MICROS * 1000)


def is_valid(value: Timestamp | Duration) -> bool:
    """Whether the message is a valid time or duration; on the wire it may hold any two numbers."""
    try:
        value.ToJsonString()
    except (ValueError, OverflowError):
        return False
    return True


def whole_second(seconds: float) -> Timestamp:
    """Seconds as a timestamp, cut to the second: for create times."""
    return Timestamp(seconds=int(seconds))


def seconds_of(value: Timestamp | Duration) -> float:
    """A timestamp or duration in seconds, with its fraction."""
    return value.seconds + value.nanos / _NANOS


def duration(seconds: float) -> Duration:
    """Seconds as a duration, to the nanosecond."""
    whole, nanos = divmod(round(seconds * _NANOS), _NANOS)
    return Duration(seconds=whole, nanos=nanos)


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        return timezone(timedelta(hours=-8))


def in_pacific_time(value: Timestamp) -> str:
    """A time in ISO 8601 in US Pacific time, as in the real service's messages."""
    try:
        return datetime.fromtimestamp(value.seconds, UTC).astimezone(_pacific()).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{value.seconds} seconds since 1970"
