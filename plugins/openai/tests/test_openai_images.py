"""The generator against servers that answer, refuse and fail."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import time
from typing import Any

import pytest
from memobench_openai import plugin
from memobench_openai.images import OpenAIImages

from harness import Generator, HarnessError, ImageReply, ImageRequest
from harness.testing import GeneratorContract


def generator(endpoint: Any, **options: Any) -> OpenAIImages:
    given = {"ref": "tiny-image-model", "base_url": endpoint.url, "max_retries": 2} | options
    return OpenAIImages(OpenAIImages.Options(**given))


def requests(n: int, **fields: Any) -> list[ImageRequest]:
    return [ImageRequest(f"{i:032x}", f"A portrait, number {i}", seed=1000 + i, **fields) for i in range(n)]


def generate(made: OpenAIImages, wanted: list[ImageRequest]) -> list[ImageReply]:
    made.open()
    try:
        return sorted(made.generate(wanted), key=lambda r: r.id)
    finally:
        made.close()


def colour(prompt: str, seed: int | None = None) -> tuple[int, int, int]:
    red, green, blue = hashlib.sha256(f"{prompt}:{seed}".encode()).digest()[:3]
    return red, green, blue | 1


def gives_each(bodies: dict[str, Any]) -> Any:
    """An `answer` function that returns the n-th of `bodies` for portrait n."""
    return lambda received, action: list(bodies.values())[int(received.body["prompt"].split()[-1])]


IGNORES_SIZE = {"test_a_size_is_kept_or_refused": "the server of these tests ignores the size"}


class TestBase64(GeneratorContract):
    expected_failures = IGNORES_SIZE

    @pytest.fixture
    def generator(self, serve_images) -> Generator:
        return generator(serve_images(), send_seed=True)


class TestUrls(GeneratorContract):
    expected_failures = IGNORES_SIZE

    @pytest.fixture
    def generator(self, serve_images) -> Generator:
        return generator(serve_images(sends="url"), send_seed=True, concurrency=2)


def test_planning_does_not_import_the_client() -> None:
    (component,) = plugin.harness_generators()
    assert (component.name, component.load()) == ("openai-images", OpenAIImages)
    code = (
        "import sys; from memobench_openai.images import OpenAIImages as G; g = G(G.Options(ref='m', base_url='http://127.0.0.1:9/v1'));"
        "g.identity(); assert not {'openai', 'httpx', 'httpx2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_request_contains_only_the_fields_that_are_set(serve_images) -> None:
    server = serve_images()
    generate(generator(server), requests(1, negative_prompt="ugly"))
    assert server.log[0][0].path == "/v1/images/generations"
    assert server.log[0][0].body == {
        "model": "tiny-image-model",
        "prompt": "A portrait, number 0",
        "n": 1,
        "response_format": "b64_json",
    }
    made = generator(server, size="32x32", quality="low", send_seed=True, extra_body={"background": "opaque"})
    generate(made, [*requests(1), ImageRequest("f" * 32, "Larger", size=(64, 48))])
    first, second = sorted((received.body for received, _ in server.log[1:]), key=lambda b: str(b["prompt"]))
    assert (first["size"], first["quality"], first["seed"], first["background"]) == (
        "32x32",
        "low",
        1000,
        "opaque",
    )
    assert second["size"] == "64x48"


@pytest.mark.parametrize("sends", ["b64_json", "url"])
def test_each_picture_belongs_to_its_prompt(sends: str, serve_images) -> None:
    server = serve_images(sends=sends, quality="high")
    made = generator(
        server, price_image=0.01, price_input=5.0, price_output=40.0, send_seed=True, api_key_env=""
    )
    replies = generate(made, requests(6, negative_prompt="ugly"))
    for reply, wanted in zip(replies, requests(6), strict=True):
        assert reply.image is not None
        assert reply.image.getpixel((3, 3)) == colour(wanted.prompt, wanted.seed)
        assert reply.extra["revised_prompt"] == f"Carefully: {wanted.prompt}"
        assert reply.extra["served"] == {"size": "24x16", "quality": "high"}
        assert reply.extra["usage"] == {
            "input_tokens": 20,
            "output_tokens": 200,
            "cost": pytest.approx(0.01 + 0.0081),
        }
        assert reply.extra["timings"]["retries"] == 0
        assert reply.extra["negative_prompt"] == "not sent"
    assert len(server.log) == 6
    assert len(server.fetched) == (6 if sends == "url" else 0)


def test_response_format_is_omitted_for_models_that_reject_it(serve_images) -> None:
    server = serve_images(lambda received: "no_format" if "response_format" in received.body else "answer")
    replies = generate(generator(server, concurrency=1), requests(4))
    assert [r.outcome for r in replies] == ["ok"] * 4
    assert [action for _, action in server.log] == ["no_format", *["answer"] * 4]
    generate(generator(server, ref="gpt-image-2"), requests(2))
    assert server.count("no_format") == 1
    with pytest.raises(HarnessError, match="-o response_format=none"):
        generate(generator(server, response_format="b64_json"), requests(2))
    assert generate(generator(server, response_format="none"), requests(1))[0].outcome == "ok"


REFUSALS: dict[str, Any] = {
    "error with status 200": {"error": {"message": "no", "code": "content_policy_violation"}},
    "error in words with status 200": {"error": "Rejected by our safety system"},
    "no picture, and why": {"data": [], "reason": "flagged by moderation"},
    "no picture, and a field for why": {"data": [{"raiFilteredReason": "People are not drawn. Code 29310472"}]},
    "a filter's categories": {"data": [{"content_filter_results": {"hate": {"filtered": False}, "violence": {"filtered": True}}}]},
    "the prompt's categories": {"data": [], "prompt_filter_results": [{"content_filter_results": {"violence": {"filtered": True}}}]},
    "an error in the picture's place": {"data": [{"error": {"code": "content_filter", "message": "The image was filtered by content filter"}}]},
    "a blurred picture and a reason": {"data": [{"b64_json": "AAAA", "finish_reason": "CONTENT_FILTERED"}]},
    "a black picture and a flag": {"data": [{"b64_json": "AAAA"}], "nsfw_content_detected": [True]},
}  # fmt: skip


def test_a_refusal_is_a_result_and_is_not_retried(serve) -> None:
    server = serve(answer=gives_each(REFUSALS))
    replies = generate(generator(server, price_image=1.0), requests(len(REFUSALS)))
    outcomes = {name: reply.outcome for name, reply in zip(REFUSALS, replies, strict=True)}
    assert outcomes == dict.fromkeys(REFUSALS, "blocked")
    for reply in replies:
        assert (reply.image, reply.error) == (None, None)
        assert reply.extra["reason"] != "no reason given"
        assert reply.extra.get("usage", {"cost": 0.0}) == {"cost": 0.0}
    assert len(server.log) == len(REFUSALS)


def test_a_refusal_by_status_names_its_reason(serve_images) -> None:
    (reply,) = generate(generator(serve_images(lambda received: "policy")), requests(1))
    assert reply.outcome == "blocked"
    assert "safety_violations=[violence]" in reply.extra["reason"]


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n and then something else").decode()
BROKEN: dict[str, tuple[Any, str]] = {
    "no list": ({"created": 1}, "bad_reply"),
    "an empty list": ({"data": []}, "bad_reply"),
    "no picture for another reason": ({"data": [], "message": "out of workers"}, "bad_reply"),
    "nothing of use": ({"data": ["x"]}, "bad_reply"),
    "no base64": ({"data": [{"b64_json": "%%%"}]}, "bad_picture"),
    "no picture in it": ({"data": [{"b64_json": base64.b64encode(b"happy").decode()}]}, "bad_picture"),
    "a broken file": ({"data": [{"b64_json": PNG}]}, "bad_picture"),
}


def test_a_reply_without_a_picture_is_retried_and_then_an_error(serve) -> None:
    server = serve(answer=gives_each({name: body for name, (body, _) in BROKEN.items()}))
    replies = generate(generator(server, max_retries=1, concurrency=len(BROKEN)), requests(len(BROKEN)))
    kinds = {name: reply.error and reply.error.kind for name, reply in zip(BROKEN, replies, strict=True)}
    assert kinds == {name: kind for name, (_, kind) in BROKEN.items()}
    for reply in replies:
        assert (reply.outcome, reply.image) == ("error", None)
        assert reply.error is not None
        assert reply.error.retryable
        assert "after 2 attempts" in reply.error.message
        assert " at 0x" not in reply.error.message
    assert len(server.log) == 2 * len(BROKEN)


def test_there_is_exactly_one_reply_per_request(serve_images) -> None:
    ends = ("limit", "error", "busy", "garbage", "empty", "cut", "reset", "reject", "policy", "answer")
    server = serve_images(lambda received: ends[int(received.body["prompt"].split()[-1]) % len(ends)])
    replies = generate(generator(server, max_retries=1, concurrency=5), requests(30))
    assert [r.id for r in replies] == [r.id for r in requests(30)]
    expected = {"policy": "blocked", "answer": "ok"}
    assert [r.outcome for r in replies] == [expected.get(ends[i % 10], "error") for i in range(30)]
    assert server.max_in_flight <= 5
    assert server.count("reject", "policy", "answer") == 9
    assert server.repeated_after_answer() == []


def test_retry_after_is_respected(serve_images) -> None:
    server = serve_images(lambda received: "answer" if received.attempt else "limit")
    server.retry_after = "0.6"
    began = time.monotonic()
    (reply,) = generate(generator(server), requests(1))
    assert reply.outcome == "ok"
    assert reply.extra["timings"]["retries"] == 1
    assert time.monotonic() - began >= 0.6


def test_a_hanging_server_times_out(serve_images) -> None:
    server = serve_images(
        lambda received: (
            "hang" if received.attempt == 0 or received.body["prompt"].endswith("1") else "answer"
        )
    )
    first, second = generate(generator(server, timeout=0.7, max_retries=1), requests(2))
    assert first.outcome == "ok"
    assert second.error is not None
    assert (second.outcome, second.error.kind, second.error.retryable) == ("error", "timeout", True)


def test_fatal_errors_stop_the_stream(serve_images) -> None:
    for action, said in (
        ("key", "requires a key"),
        ("no_model", "It serves: tiny-vision"),
        ("no_quota", "Add credit"),
    ):
        server = serve_images(lambda received, action=action: action)
        with pytest.raises(HarnessError, match=said):
            generate(generator(server, api_key_env="", concurrency=1), requests(5))
        assert len(server.log) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ref": " "}, "openai-images needs a model name"),
        ({"extra_body": {"size": "8x8"}}, "must not contain size"),
        ({"extra_body": {"api_key": "x"}}, "looks like a key"),
        ({"api_key_env": "sk-proj-Vq7nTz3LxW9bR2mK8dYc"}, "looks like a key"),
        ({"price_input": 1.0}, "must be set together"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, Any], said: str) -> None:
    with pytest.raises(HarnessError, match=said):
        OpenAIImages.Options(**{"ref": "m", "base_url": "http://127.0.0.1:9/v1"} | options)


def test_identity_and_options_that_affect_answers() -> None:
    made = OpenAIImages(
        OpenAIImages.Options(ref="m", base_url="http://ann:secret@127.0.0.1:9/v1/images/generations?k=v")
    )
    assert made.identity() == {"endpoint": "127.0.0.1:9/v1", "model": "m"}
    assert set(made.options.answer_affecting()) == {"ref", "size", "quality", "send_seed", "extra_body"}


def test_a_note_says_when_pictures_are_not_reproducible(serve_images) -> None:
    server = serve_images()
    assert generator(server, send_seed=True).notes() == ()
    assert "no seed is sent" in generator(server).notes()[0]


def test_generating_before_open_is_an_error(serve_images) -> None:
    with pytest.raises(RuntimeError, match="before open"):
        list(generator(serve_images()).generate(requests(1)))
