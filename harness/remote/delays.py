"""How long a service asks to be left alone: in the headers of its response, or in the body."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping

MAX_RETRY_AFTER = 120.0
"""Upper bound on what a service asks for, in seconds: a wrong value must not stop a run for days."""
_DELAY_FIELDS = ("retryDelay", "retry_delay", "retry_after", "retry-after", "retryAfter")
_DELAY = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|sec|seconds?|m|min|minutes?)?")
_DELAY_TEXT = re.compile(
    rf"(?:retry|try again) (?:in|after) {_DELAY.pattern}(?:\s*{_DELAY.pattern})?(?![a-z])", re.I
)


def parse_retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait according to `retry-after-ms` or `Retry-After` (seconds or an HTTP date), 0 to `MAX_RETRY_AFTER`.

    `headers` must ignore case in their keys. `now` is a Unix time. None if both are missing or invalid.
    """
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = (headers.get(header) or "").strip()
        try:
            seconds = float(text) * unit
        except ValueError:
            try:
                then = email.utils.parsedate_to_datetime(text).timestamp()
            except (TypeError, ValueError, IndexError, OverflowError):
                continue
            seconds = then - (time.time() if now is None else now)
        if seconds == seconds:  # not NaN
            return min(max(seconds, 0.0), MAX_RETRY_AFTER)
    return None


def body_delay(body: object, message: str) -> float | None:
    """Seconds to wait according to the body of an error response; None if it does not say.

    Google sends `retryDelay` ("34s", or an object with seconds and nanos) in a list of details, others a field
    `retry_after`, or only a sentence in the `message`: "Please try again in 1m2.5s".
    """
    seconds = _delay_field(body, 0)
    if seconds is None and (found := _DELAY_TEXT.search(message)):
        seconds = _seconds(found[1], found[2]) + (_seconds(found[3], found[4]) if found[3] else 0.0)
    if seconds is None or seconds != seconds:  # NaN is no time
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _delay_field(value: object, depth: int) -> float | None:
    if depth > 6 or not isinstance(value, (dict, list)):
        return None
    if isinstance(value, dict):
        for name in _DELAY_FIELDS:
            if (seconds := _delay_value(value.get(name))) is not None:
                return seconds
    inner = value.values() if isinstance(value, dict) else value
    return next((s for v in inner if (s := _delay_field(v, depth + 1)) is not None), None)


def _delay_value(value: object) -> float | None:
    if isinstance(value, dict):
        parts = [value.get(name) or 0 for name in ("seconds", "nanos")]
        if value and all(isinstance(p, (int, float, str)) for p in parts):
            try:
                return float(parts[0]) + float(parts[1]) / 1e9
            except ValueError:
                return None
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if value == value else None
    found = _DELAY.fullmatch(value.strip()) if isinstance(value, str) else None
    return _seconds(found[1], found[2]) if found else None


def _seconds(number: str, unit: str | None) -> float:
    unit = (unit or "s").lower()
    return float(number) * (
        0.001 if unit.startswith(("ms", "milli")) else 60.0 if unit.startswith("m") else 1.0
    )
