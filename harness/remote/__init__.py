"""Judges and generators behind web services: concurrency, retries, rate limits, errors, keys and costs.

`AsyncJudge`, `AsyncGenerator`, `RemoteOptions` and `RemoteError` are names of `harness`. The others are for plugins that do
more of it themselves. No client of the web is imported.
"""

from harness.remote.address import Address
from harness.remote.component import Remote
from harness.remote.costs import with_cost
from harness.remote.delays import MAX_RETRY_AFTER, body_delay, parse_retry_after
from harness.remote.errors import RemoteError, RemoteStopped
from harness.remote.exceptions import classify_exception
from harness.remote.generator import AsyncGenerator
from harness.remote.judge import AsyncJudge
from harness.remote.keys import Secrets, check_key_name, holds_key, read_key
from harness.remote.options import RemoteOptions
from harness.remote.responses import (
    classify_response,
    error_details,
    excerpt,
    is_html,
    mentions_filter,
    one_line,
)
from harness.remote.retry import RetryPolicy

__all__ = [
    "MAX_RETRY_AFTER",
    "Address",
    "AsyncGenerator",
    "AsyncJudge",
    "Remote",
    "RemoteError",
    "RemoteOptions",
    "RemoteStopped",
    "RetryPolicy",
    "Secrets",
    "body_delay",
    "check_key_name",
    "classify_exception",
    "classify_response",
    "error_details",
    "excerpt",
    "holds_key",
    "is_html",
    "mentions_filter",
    "one_line",
    "parse_retry_after",
    "read_key",
    "with_cost",
]
