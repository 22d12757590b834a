"""Models behind a server that think: what is sent, what is read, and what is stored apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memobench_openai.chat_body import ChatBodyBuilder
from memobench_openai.judge import OpenAIJudge
from memobench_openai.options import JudgeOptions
from memobench_openai.servers import find_server

from harness import (
    EMOTIONS,
    BadOption,
    Capability,
    HarnessError,
    JudgeReply,
    JudgeRequest,
    Message,
    Part,
    Question,
    Sampling,
)
from harness.testing import Listed, face_picture
from harness.testing.command import Shell, kill_after

LOCAL = "http://127.0.0.1:8000/v1"


def request(read: str) -> JudgeRequest:
    question = Question("choice", EMOTIONS, answer_mode=read)  # type: ignore[arg-type]
    messages = (Message("user", (Part(image=0), Part("Which emotion?"))),)
    return JudgeRequest("0" * 32, "s", (face_picture(0),), messages, question, Sampling(max_tokens=9))


def body(read: str, server: str = "vllm", **options: Any) -> dict[str, Any]:
    chosen = JudgeOptions(ref="m", base_url=LOCAL, server=server, **options)
    return ChatBodyBuilder(chosen, find_server(chosen)).build(request(read))


def replied(
    serve: Any, message: dict[str, Any], read: str, tokens: int = 6, **options: Any
) -> tuple[JudgeReply, Any]:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "completion_tokens_details": {"reasoning_tokens": tokens},
    }
    if not any(name.startswith("reasoning") for name in message):
        del usage["completion_tokens_details"]
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": "stop"}
    text = json.dumps({"model": "m", "choices": [choice], "usage": usage})
    server = serve(lambda received: "raw")
    server.raw = (200, text, {})
    judge = OpenAIJudge(OpenAIJudge.Options(ref="m", base_url=server.url, server="vllm", **options))
    judge.open()
    try:
        [reply] = judge.stream(Listed([request(read)]))
    finally:
        judge.close()
    return reply, server


class TestRequests:
    def test_a_server_is_told_what_its_chat_template_gets(self) -> None:
        off = {"enable_thinking": False, "thinking": False}
        assert body("choice", thinking="off")["chat_template_kwargs"] == off
        assert body("text", template_arguments={"a": 1})["chat_template_kwargs"] == {"a": 1}
        extra = {"chat_template_kwargs": {"enable_thinking": True}}
        assert body("text", thinking="off", extra_body=extra)["chat_template_kwargs"]["enable_thinking"]
        assert "chat_template_kwargs" not in body("choice")

    def test_a_thought_has_a_budget_beside_the_answer(self) -> None:
        sent = body("reasoned", thinking="on", thinking_tokens=100)
        assert sent["max_tokens"] == 109
        assert set(EMOTIONS) < set(sent["structured_outputs"]["choice"])
        assert body("reasoned", thinking="on", max_tokens=50)["max_tokens"] == 50
        assert body("text", thinking="on", thinking_tokens=100)["max_tokens"] == 109
        assert body("choice")["max_tokens"] == 9

    def test_effort_asks_for_a_thought_too(self) -> None:
        sent = body("reasoned", server="openai", reasoning_effort="low")
        assert sent["reasoning_effort"] == "low"
        assert sent["response_format"]["json_schema"]["schema"]["properties"]["answer"]["enum"]
        assert "chat_template_kwargs" not in sent

    def test_only_what_is_set_is_part_of_the_identity(self) -> None:
        plain = JudgeOptions(ref="m", base_url=LOCAL).answer_affecting()
        assert not {"thinking", "thinking_tokens", "template_arguments"} & plain.keys()
        given = JudgeOptions(ref="m", base_url=LOCAL, thinking="on", thinking_tokens=9).answer_affecting()
        assert (given["thinking"], given["thinking_tokens"]) == ("on", 9)


class TestCapabilities:
    @pytest.mark.parametrize(
        ("options", "able"),
        [
            ({}, False),
            ({"thinking": "on"}, True),
            ({"thinking": "off", "reasoning_effort": "high"}, False),
            ({"reasoning_effort": "high"}, True),
            ({"reasoning_effort": "none"}, False),
        ],
    )
    def test_only_who_is_asked_to_think_does(self, options: dict[str, Any], able: bool) -> None:
        judge = OpenAIJudge(OpenAIJudge.Options(ref="m", base_url=LOCAL, server="vllm", **options))
        assert (Capability.REASONED in judge.capabilities) is able

    def test_the_first_word_of_a_thought_is_never_an_answer(self) -> None:
        judge = OpenAIJudge(OpenAIJudge.Options(ref="m", base_url=LOCAL, server="vllm", thinking="on"))
        reasons = {read: judge.cannot_answer(request(read).question) for read in ("logprobs", "choice")}
        assert all("first word of a thought" in reason for reason in reasons.values())
        assert not judge.cannot_answer(request("reasoned").question)

    def test_what_a_server_cannot_be_told(self) -> None:
        for options in ({"thinking": "off"}, {"template_arguments": {"a": 1}}):
            with pytest.raises(BadOption, match="passes nothing to a chat template"):
                OpenAIJudge(OpenAIJudge.Options(ref="m", base_url=LOCAL, server="openai", **options))
        with pytest.raises(BadOption, match="contradicts"):
            OpenAIJudge(
                OpenAIJudge.Options(
                    ref="m", base_url=LOCAL, thinking="on", template_arguments={"thinking": False}
                )
            )


class TestReplies:
    @pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
    def test_the_thought_is_stored_apart(self, field: str, serve: Any) -> None:
        message = {field: "\nIs it happy? No: sad.\n", "content": "\n\nsad"}
        reply, server = replied(serve, message, "reasoned", thinking="on")
        assert (reply.text, reply.thought) == ("sad", "Is it happy? No: sad.")
        assert (reply.usage["thinking_tokens"], reply.usage["completion_tokens"]) == (6, 8)
        assert server.log[0][0].body["chat_template_kwargs"]["enable_thinking"] is True

    def test_tokens_that_a_server_does_not_count_are_not_said_to_be_none(self, serve: Any) -> None:
        reply, server = replied(
            serve, {"reasoning": "So.", "content": "sad"}, "reasoned", thinking="on", tokens=0
        )
        assert "thinking_tokens" not in reply.usage
        assert server.log[0][0].body["skip_special_tokens"] is False

    def test_in_free_text_too(self, serve: Any) -> None:
        reply, _ = replied(serve, {"reasoning": "So.", "content": "It is sad."}, "text")
        assert (reply.text, reply.thought) == ("It is sad.", "So.")

    def test_a_server_that_lets_nothing_think_is_named(self, serve: Any) -> None:
        with pytest.raises(HarnessError, match="contains no thought") as error:
            replied(serve, {"content": "sad"}, "reasoned", thinking="on")
        assert "--reasoning-parser" in error.value.hint


def considered(received: Any, action: str) -> dict[str, Any]:
    """An answer after a thought that names another emotion."""
    message = {"role": "assistant", "reasoning_content": "Angry? No.", "content": received.emotion}
    return {
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"completion_tokens": 8, "completion_tokens_details": {"reasoning_tokens": 6}},
    }


@pytest.mark.e2e
def test_a_run_that_is_killed_is_resumed(serve: Any, faces: Callable[[int], Path], tmp_path: Path) -> None:
    server = serve(lambda received: "slow", answer=considered)
    shell = Shell(tmp_path)
    words = f"run --task coarse_emotion --model openai:m --read reasoned --json --out run -o base_url={server.url}"
    run = (*words.split(), "--data", faces(24))
    run += ("-o", "server=vllm", "-o", "concurrency=2", "-o", "thinking=on")
    file = tmp_path / "run" / "replies.jsonl"
    stored = kill_after(shell.start(*run), file, 4)
    assert 4 <= len(stored) < 24
    asked = len(server.log)
    task = shell(*run).ok().task
    lines = file.read_bytes().splitlines()
    assert lines[: len(stored)] == stored, "what was answered stays"
    assert len(server.log) - asked == 24 - len(stored), "and is not asked again"
    replies = [json.loads(line) for line in lines]
    assert len({reply["id"] for reply in replies}) == len(replies) == 24
    assert {reply["thought"] for reply in replies} == {"Angry? No."}
    assert (task["read"], task["answered"], task["unparsed"]) == ("reasoned", 24, 0)
    assert task["usage"]["thinking_tokens"] == 24 * 6
    shell(*run, "-o", "thinking_tokens=9").fails(2)
