from __future__ import annotations

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness import HarnessError, Message, Part
from harness.mllm import chat_content, check_image_slot, image_order, plain_prompt, template_digest

ASKED = (Message("user", (Part(image=0), Part("Which emotion?"))),)
FORM = "USER: {image}\n{text} ASSISTANT:"
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}"
)


def test_content_keeps_the_order() -> None:
    messages = (
        Message("system", (Part("Be brief."),)),
        Message("user", (Part("Look:"), Part(image=1), Part("and"), Part(image=0), Part("Which?"))),
    )
    content = chat_content(messages)
    assert content == [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image"},
                {"type": "text", "text": "and"},
                {"type": "image"},
                {"type": "text", "text": "Which?"},
            ],
        },
    ]
    assert image_order(messages) == (1, 0)
    rendered = ImmutableSandboxedEnvironment().from_string(TEMPLATE).render(messages=content)
    assert rendered == "<|system|>Be brief.<|user|>Look:<image>and<image>Which?"


class TestPlainPrompt:
    def test_the_common_form(self) -> None:
        assert plain_prompt(ASKED, FORM) == "USER: <image>\nWhich emotion? ASSISTANT:"
        assert plain_prompt(ASKED, FORM, image="<|image|>") == "USER: <|image|>\nWhich emotion? ASSISTANT:"

    def test_a_form_with_the_image_token(self) -> None:
        assert (
            plain_prompt(ASKED, "<|image_1|>\n{text}", image="<|image_1|>") == "<|image_1|>\nWhich emotion?"
        )

    def test_system_texts(self) -> None:
        messages = (Message("system", (Part("Be brief."),)), *ASKED)
        assert plain_prompt(messages, FORM) == "USER: <image>\nBe brief.\nWhich emotion? ASSISTANT:"
        assert plain_prompt(messages, "{system} U: {image}{text}") == "Be brief. U: <image>Which emotion?"
        assert plain_prompt(ASKED, "{system}U: {image}{text}") == "U: <image>Which emotion?"

    def test_several_pictures_and_texts(self) -> None:
        messages = (
            Message("user", (Part("First"), Part(image=0), Part("second"), Part(image=1), Part("?"))),
        )
        assert plain_prompt(messages, FORM) == "USER: <image>\n<image>\nFirst\nsecond\n? ASSISTANT:"

    def test_braces_in_texts_are_kept(self) -> None:
        messages = (Message("user", (Part(image=0), Part('{image} {text} {"emotion": 1} {0}'))),)
        assert (
            plain_prompt(messages, "{image}|{text}|{other}")
            == '<image>|{image} {text} {"emotion": 1} {0}|{other}'
        )

    @pytest.mark.parametrize(
        ("form", "missing"), [("{image} hello", "{text}"), ("{text} hello", "{image}"), ("", "{text}")]
    )
    def test_forms_without_a_placeholder(self, form: str, missing: str) -> None:
        with pytest.raises(HarnessError, match=missing) as caught:
            plain_prompt(ASKED, form)
        assert "ASSISTANT:" in caught.value.hint

    def test_earlier_answers_are_refused(self) -> None:
        with pytest.raises(HarnessError, match="earlier answers"):
            plain_prompt((*ASKED, Message("assistant", (Part("happy"),)), *ASKED), FORM)


def test_digests_distinguish_templates() -> None:
    assert template_digest(TEMPLATE) == template_digest(str(TEMPLATE))
    assert len(template_digest("")) == 32
    assert len({template_digest(t) for t in (TEMPLATE, TEMPLATE + " ", "", "é", "\ud800")}) == 5


class TestImageSlot:
    def test_a_prompt_with_an_image_token(self) -> None:
        check_image_slot("USER: <image>\nWhich?", ["<image>"], "a model")
        check_image_slot(
            "<|vision_start|><|image_pad|><|vision_end|>", ["<image>", "<|image_pad|>"], "a model"
        )

    @pytest.mark.parametrize(
        "rendered", ["USER: Which? ASSISTANT:", "", "USER: image > which", "USER: < image>"]
    )
    def test_a_prompt_without_an_image_token(self, rendered: str) -> None:
        with pytest.raises(HarnessError, match=r"my-model: the prompt has no place .*'<image>'") as caught:
            check_image_slot(rendered, ["<image>"], "my-model")
        assert "chat_template" in caught.value.hint

    def test_too_few_image_tokens(self) -> None:
        check_image_slot("<image><image>", ["<image>"], "my-model", count=2)
        with pytest.raises(HarnessError, match="places for 1 of 2 pictures"):
            check_image_slot("<image>", ["<image>"], "my-model", count=2)

    @pytest.mark.parametrize("tokens", [[], [""]])
    def test_a_model_with_an_unknown_image_token(self, tokens: list[str]) -> None:
        with pytest.raises(HarnessError, match="unknown"):
            check_image_slot("USER: <image>", tokens, "my-model")
