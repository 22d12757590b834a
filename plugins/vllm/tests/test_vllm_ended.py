"""What the engine ends without an answer is a failure that is asked again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from memobench_vllm.in_flight import InFlightRequests, _PendingRequest


@pytest.mark.parametrize("finish", ["abort", "error"])
def test_a_reply_that_the_engine_did_not_finish_is_no_answer(finish: str) -> None:
    def reply(finish: str):
        answer = SimpleNamespace(text="sad", token_ids=[1], finish_reason=finish, cumulative_logprob=-1.0)
        output = SimpleNamespace(outputs=[answer], prompt_token_ids=[1, 2], num_cached_tokens=0)
        requests = InFlightRequests.__new__(InFlightRequests)  # Its constructor needs an engine.
        return requests._record_output(_PendingRequest("r", "text", 0.0), (), output)

    failed = reply(finish)
    assert (failed.text, failed.error.kind, failed.error.retryable) == (None, "engine", True)
    assert finish in failed.error.message
    assert reply("length").text == "sad"
