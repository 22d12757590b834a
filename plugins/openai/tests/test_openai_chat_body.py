from __future__ import annotations

import base64
import io
import json

import pytest
from memobench_openai.chat_body import ChatBodyBuilder
from memobench_openai.options import JudgeOptions
from memobench_openai.pictures import DataUrls
from memobench_openai.servers import SERVERS, find_server
from PIL import Image

from harness import BadOption, JudgeRequest, Message, Part, Picture, Question, Sampling

LOCAL = "http://127.0.0.1:8000/v1"
WORDS = ("sad", "happy")


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def picture(data: bytes, media_type: str = "image/png", digest: str = "d") -> Picture:
    return Picture(digest, None, data, media_type)


def sent(url: str) -> tuple[str, bytes]:
    head, _, text = url.partition(",")
    return head.removeprefix("data:").removesuffix(";base64"), base64.b64decode(text)


RED = Image.new("RGB", (8, 6), "red")


def request(
    read: str = "text", *, labels: tuple[str, ...] | None = None, sampling: Sampling | None = None
) -> JudgeRequest:
    messages = (
        Message("system", (Part("Be brief."),)),
        Message("user", (Part("Before."), Part(image=0), Part("Which? sad, happy"))),
    )
    question = Question("choice", WORDS, labels=labels, answer_mode=read)  # type: ignore[arg-type]
    return JudgeRequest(
        "1", "s", (picture(encoded(RED, "PNG")),), messages, question, sampling or Sampling(max_tokens=9)
    )


def body(
    read: str = "text", server: str = "other", req: JudgeRequest | None = None, **options: object
) -> dict:
    chosen = JudgeOptions(ref="m", base_url=LOCAL, server=server, **options)
    return ChatBodyBuilder(chosen, find_server(chosen)).build(req or request(read))


@pytest.mark.parametrize(
    ("form", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)
def test_the_given_file_is_sent(form: str, media_type: str) -> None:
    data = encoded(RED, form)
    assert sent(DataUrls().encode(picture(data, media_type))) == (media_type, data)


def test_pixels_without_a_file_are_sent_as_png_and_an_empty_picture_is_an_error() -> None:
    assert sent(DataUrls().encode(Picture("d", image=RED)))[0] == "image/png"
    with pytest.raises(ValueError, match="neither bytes nor pixels"):
        DataUrls().encode(Picture("d"))


def test_a_picture_is_encoded_once_and_the_cache_is_bounded() -> None:
    urls = DataUrls(max_bytes=1000)
    first = urls.encode(picture(encoded(RED, "PNG"), digest="first"))
    assert urls.encode(Picture("first")) is first
    for number in range(20):
        urls.encode(picture(encoded(RED, "PNG"), digest=str(number)))
    assert sum(map(len, urls._kept.values())) <= 1000
    with pytest.raises(ValueError, match="first"):
        urls.encode(Picture("first"))
    large = DataUrls(max_bytes=1)
    kept = large.encode(picture(encoded(RED, "PNG"), digest="large"))
    assert large.encode(Picture("large")) is kept


def test_parts_keep_their_order_and_plain_text_stays_a_string() -> None:
    system, user = body()["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert [p["type"] for p in user["content"]] == ["text", "image_url", "text"]
    assert user["content"][2]["text"] == "Which? sad, happy"
    assert "detail" not in user["content"][1]["image_url"]
    assert body(detail="low")["messages"][1]["content"][1]["image_url"]["detail"] == "low"


def test_questions_about_one_picture_share_a_byte_prefix() -> None:
    chosen = JudgeOptions(ref="m", base_url=LOCAL)
    bodies = ChatBodyBuilder(chosen, find_server(chosen))
    one, other = (request("choice"), request("choice"))
    other = JudgeRequest(
        "2",
        "s",
        other.images,
        (other.messages[0], Message("user", (*other.messages[1].parts[:2], Part("Another?")))),
        Question("choice", WORDS[::-1], answer_mode="choice"),
    )
    first, second = bodies.build(one), bodies.build(other)
    assert first["response_format"] == second["response_format"]
    texts = [json.dumps(b["messages"]) for b in (first, second)]
    shared = next(i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b)
    assert texts[0][:shared].endswith('"text": "')


def test_fields_without_effect_are_not_sent() -> None:
    assert set(body()) == {"model", "messages", "temperature", "max_tokens"}
    warm = request(sampling=Sampling(temperature=0.7, top_p=0.9, seed=5, max_tokens=9))
    assert {"top_p": 0.9, "seed": 5}.items() <= body(req=warm).items()
    assert "seed" not in body(server="gemini", req=warm, api_key_env="")


def test_each_server_gets_its_own_fields() -> None:
    schema = body("choice")["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["properties"]["answer"]["enum"] == ["happy", "sad"]
    assert body("choice", "vllm")["structured_outputs"] == {"choice": ["happy", "sad", " happy", " sad"]}
    assert not {"response_format", "structured_outputs"} & set(body("choice", "claude"))
    assert body("choice", "vllm", structured="json_schema")["response_format"]
    assert body("choice")["max_tokens"] > body("text")["max_tokens"] == 9
    assert "max_tokens" not in body(server="openai")
    assert body(server="openai")["max_completion_tokens"] == 9
    assert body(max_tokens_field="max_completion_tokens", max_tokens=4000)["max_completion_tokens"] == 4000
    labelled = body("choice", req=request("choice", labels=("A", "B")))
    assert labelled["response_format"]["json_schema"]["schema"]["properties"]["answer"]["enum"] == ["A", "B"]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gemini"),
        ("https://api.anthropic.com/v1/", "claude"),
        ("http://somewhere:11434/v1", "ollama"),
        ("http://somewhere:8000/v1", "other"),
    ],
)
def test_the_server_is_inferred_from_the_address(url: str, kind: str) -> None:
    assert find_server(JudgeOptions(ref="m", base_url=url)) == SERVERS[kind]


def test_the_user_can_add_and_omit_fields() -> None:
    changed = body(omit="temperature, max_tokens", reasoning_effort="low", extra_body={"top_k": 2})
    assert set(changed) == {"model", "messages", "top_k", "reasoning_effort"}
    with pytest.raises(BadOption, match="messages, model"):
        JudgeOptions(ref="m", base_url=LOCAL, extra_body={"messages": [], "model": "x"})


def test_options_that_affect_answers() -> None:
    affecting = set(JudgeOptions(ref="m", base_url=LOCAL).answer_affecting())
    assert affecting == {
        "ref",
        "server",
        "logprobs",
        "structured",
        "max_tokens",
        "detail",
        "reasoning_effort",
        "omit",
        "extra_body",
    }
