"""What a server says it served: recorded with each reply, renewed when the server may be another one, never fatal."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memobench_openai.images import OpenAIImages
from memobench_openai.judge import OpenAIJudge
from memobench_openai.served import EVERY, ServedModel

from harness import EMOTIONS, ImageRequest, JudgeReply, JudgeRequest, Message, Part, Question, RemoteError
from harness.testing import Listed, face_picture

VLLM = {"id": "m", "object": "model", "created": 1, "owned_by": "vllm", "root": "/models/a", "parent": None,
        "max_model_len": 4096, "permission": [{"id": "modelperm-1", "created": 1}]}  # fmt: skip
LLAMA = {
    "id": "../m.gguf",
    "owned_by": "llamacpp",
    "created": 1,
    "meta": {"n_params": 8030261312, "size": 4912898304},
}


def ask_one(endpoint: Any, **options: Any) -> JudgeReply:
    judge = OpenAIJudge(OpenAIJudge.Options(ref="tiny-vision", base_url=endpoint.url, **options))
    question = Question("choice", EMOTIONS, answer_mode="choice", target="emotion")
    messages = (Message("user", (Part(image=0), Part("Which emotion?"))),)
    judge.open()
    try:
        (reply,) = judge.stream(Listed([JudgeRequest("1", "s", (face_picture(1),), messages, question)]))
    finally:
        judge.close()
    return reply


LOOP = asyncio.new_event_loop()


class FakeTransport:
    """Answers `GET /models` from a list, whose last entry is repeated; errors are raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked, self.disturbances = list(answers), 0, 0

    async def get(self, path: str, *, redirects: bool = True) -> dict[str, Any]:
        assert (path, redirects) == ("/models", False)
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(0)
        if isinstance(answer, RemoteError):
            self.disturbances += answer.retryable
            raise answer
        return {"data": answer}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def made(transport: FakeTransport, clock: Clock | None = None, **options: Any) -> ServedModel:
    return ServedModel(transport, "m", clock=clock or Clock(), **options)  # type: ignore[arg-type]


def records(served: ServedModel, *bodies: dict[str, Any]) -> list[dict[str, str]]:
    async def all_at_once() -> list[dict[str, str]]:
        return list(await asyncio.gather(*(served.record(body) for body in bodies)))

    return LOOP.run_until_complete(all_at_once())


def test_the_stable_part_of_an_entry_is_recorded() -> None:
    (found,) = records(made(FakeTransport([VLLM])), {"model": "m", "system_fingerprint": "fp"})
    assert found == {"model": "m", "system_fingerprint": "fp", "id": "m", "root": "/models/a", "owned_by": "vllm",
                     "max_model_len": "4096"}  # fmt: skip
    (found,) = records(made(FakeTransport([LLAMA])), {"model": "whatever"})
    assert found == {"model": "whatever", "id": "../m.gguf", "owned_by": "llamacpp", "meta.n_params": "8030261312",
                     "meta.size": "4912898304"}  # fmt: skip


def test_the_entry_is_that_of_the_model_that_replies() -> None:
    lora, other = {**VLLM, "id": "lora", "root": "/lora", "parent": "m"}, {**VLLM, "id": "x", "root": "/x"}
    (found,) = records(made(FakeTransport([other, VLLM, lora])), {"model": "lora"})
    assert (found["root"], found["parent"]) == ("/lora", "m")
    (found,) = records(made(FakeTransport([other, VLLM, lora])), {"model": "m-0613"})
    assert found["root"] == "/models/a", "the model that was requested"
    (found,) = records(made(FakeTransport([other, lora])), {"model": "z"})
    assert found == {"model": "z"}


@pytest.mark.parametrize("data", [None, 3, "x", [3], [{"id": None}], [{"id": {"a": 1}, "meta": 3}]])
def test_lists_of_any_form_are_harmless(data: object) -> None:
    assert records(made(FakeTransport(data)), {"model": "m"}) == [{"model": "m"}]


def test_values_are_bounded_and_still_differ() -> None:
    one, other = (
        records(made(FakeTransport([{**VLLM, "root": "/r" * 500 + end}])), {})[0]["root"] for end in "ab"
    )
    assert len(one) == len(other) == 200
    assert one != other


def test_the_list_is_asked_once_for_many_replies_and_again_after_a_while() -> None:
    transport, clock = FakeTransport([VLLM], [{**VLLM, "root": "/models/b"}]), Clock()
    served = made(transport, clock)
    assert len(records(served, *[{"model": "m"}] * 50)) == 50
    clock.now = EVERY - 1
    assert records(served, {"model": "m"})[0]["root"] == "/models/a"
    assert transport.asked == 1
    clock.now = EVERY
    assert {r["root"] for r in records(served, *[{"model": "m"}] * 50)} == {"/models/b"}
    assert transport.asked == 2


def test_the_list_is_asked_again_after_a_disturbance_and_for_another_fingerprint() -> None:
    transport = FakeTransport([VLLM])
    served = made(transport)
    records(served, {"model": "m", "system_fingerprint": "1"})
    transport.disturbances += 3
    records(served, *[{"model": "m", "system_fingerprint": "1"}] * 9)
    assert transport.asked == 2
    records(served, *[{"model": "m", "system_fingerprint": "2"}] * 9)
    assert transport.asked == 3
    changing = made(FakeTransport([VLLM]), fingerprint="ignore")
    found = [records(changing, {"model": "m", "system_fingerprint": str(n)})[0] for n in range(9)]
    assert "system_fingerprint" not in found[0]
    assert changing._transport.asked == 1  # type: ignore[attr-defined]


def test_a_server_without_a_list_is_not_asked_again() -> None:
    transport, clock = FakeTransport(RemoteError("not_found", "404", fatal="path")), Clock()
    served = made(transport, clock)
    for clock.now in (0.0, EVERY, 9 * EVERY):
        assert records(served, {"model": "m"}) == [{"model": "m"}]
        transport.disturbances += 1
    assert transport.asked == 1


def test_a_list_that_fails_is_asked_again_later() -> None:
    transport, clock = FakeTransport(RemoteError("server_error", "500", retryable=True), [VLLM]), Clock()
    served = made(transport, clock)
    assert records(served, {"model": "m"}) == [{"model": "m"}]
    records(served, *[{"model": "m"}] * 9)
    assert transport.asked == 1, "its own failure is no reason"
    clock.now = EVERY
    assert records(served, {"model": "m"})[0]["root"] == "/models/a"


def test_redirects_of_the_list_are_not_followed(serve) -> None:
    elsewhere, server = serve(), serve(models=302)
    server.redirect = f"{elsewhere.url}/models"
    reply = ask_one(server)
    assert reply.served == {"model": "tiny-vision-0613", "system_fingerprint": "fp_test"}
    assert (server.models_asked, elsewhere.models_asked) == (1, 0)


def test_pictures_have_the_record_too(serve_images) -> None:
    server = serve_images(model="image-2", system_fingerprint="fp")
    server.models = [{"id": "m", "root": "/w"}]
    generator = OpenAIImages(OpenAIImages.Options(ref="m", base_url=server.url, fingerprint="ignore"))
    generator.open()
    (reply,) = generator.stream(Listed([ImageRequest("1", "a face")]))
    generator.close()
    assert reply.served == {"model": "image-2", "id": "m", "root": "/w"}


def test_the_option_changes_no_request() -> None:
    options = [
        OpenAIJudge.Options(ref="m", fingerprint=value).answer_affecting() for value in ("use", "ignore")
    ]
    assert options[0] == options[1]
    assert "fingerprint" not in options[0]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"models": [{"id": "m", "root": "/weights/b"}]}, ("root /weights/a", "root /weights/b")),
        ({"fingerprint": "fp_b", "models": 404}, ("system_fingerprint fp_a", "system_fingerprint fp_b")),
        ({}, None),
    ],
    ids=["other weights", "other fingerprint", "the same"],
)
def test_a_server_that_is_replaced_during_a_run_is_noticed(
    changed: dict[str, Any],
    differs: tuple[str, str] | None,
    serve,
    faces: Callable[[int], Path],
    harness,
    tmp_path: Path,
) -> None:
    """Two servers, one after the other, under one name and port: the first goes away after some answers."""
    settings = {"models": [{"id": "m", "root": "/weights/a"}], "fingerprint": "fp_a"}
    if changed.get("models") == 404:
        settings["models"] = 404
    replaced, completion = threading.Event(), serve().answer

    def answers(fingerprint: Any) -> Any:
        return lambda received, action: {
            **completion(received, action),
            "model": "m",
            "system_fingerprint": fingerprint,
        }

    def replace() -> None:
        port = first._server.server_port
        first._server.shutdown()
        first.close_port()
        later = settings | changed
        serve(
            lambda received: "structured",
            answer=answers(later["fingerprint"]),
            models=later["models"],
            port=port,
        )

    def script(received: Any) -> str:
        if len(first.log) < 20:
            return "structured"
        if not replaced.is_set():
            replaced.set()
            threading.Thread(target=replace).start()
        return "reset"

    first = serve(script, answer=answers(settings["fingerprint"]), models=settings["models"])
    command = ("run", "--task", "coarse_emotion", "--model", "openai:m", "-o", f"base_url={first.url}",
               "-o", "concurrency=2", "--data", faces(48), "--out", "run", "--json")  # fmt: skip
    done = harness(*command)
    assert replaced.is_set()
    results = json.loads(done.out)
    (task,) = results["tasks"]
    assert (task["answered"], task["failed"]) == (48, 0), done.err
    served = results["run"]["served"]
    assert sum(entry["replies"] for entry in served) == 48
    assert {entry["participant"] for entry in served} == {"openai:m"}
    if differs is None:
        assert (done.code, results["run"]["complete"], len(served)) == (0, True, 1)
        return
    assert (done.code, results["run"]["complete"], len(served)) == (3, False, 2)
    [warning] = [w for w in task["warnings"] if "mixed" in w]
    for text in differs:
        assert text in warning
    assert "replies of two releases are mixed; ask anew: `harness run --fresh`" in warning
    assert harness("score", "run", "--json").code == 3
    shown = harness("show", "run")
    assert shown.code == 3
    assert "mixed" in " ".join(shown.out.split())
