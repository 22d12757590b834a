"""Whether a chat template opens a thought, and how a thought is closed, for the forms in which models think."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import BadOption, Capability
from harness.hub import Resolved
from harness.mllm import Thinking, ThinkingOptions, find_thinking, presets
from harness.mllm.thinking import closing_of, open_thought
from harness.testing.models import LLAVA_TEMPLATE, THINKING_TEMPLATE

START = "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n<|image|>{{ m.content[1].text }}<|im_end|>\n{% endfor %}"
ASKED = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
SWITCHED = (
    START
    + ASKED
    + "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
"""The model opens the thought itself, unless the template closes it (Qwen3)."""
ALWAYS = START + ASKED + "{{ '<think>\n' }}{% endif %}"
"""No switch (Qwen3-VL Thinking)."""
ASKED_FOR = (
    "{% if thinking %}{{ 'Think.' }}{% endif %}"
    + START
    + ASKED
    + "{% if not thinking %}{{ '<|channel>thought\n<channel|>' }}{% endif %}{% endif %}"
)
"""Thinks only if it is asked to, and has marks that are no tags."""


def found(folder: Path, template: str, ref: str = "tiny", **options: Any) -> Thinking:
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": {"content": "<s>"}}), "utf-8")
    model = Resolved("local" if ref == "tiny" else "hub", ref, folder)
    return find_thinking(model, template, ThinkingOptions(**options))


class TestTemplates:
    def test_one_that_knows_no_thought(self, tmp_path: Path) -> None:
        for setting in ("auto", "off"):
            thinking = found(tmp_path, LLAVA_TEMPLATE, thinking=setting)
            assert (thinking.active, thinking.appended, thinking.identity()) == (False, "", {})
        with pytest.raises(BadOption, match="knows no thought"):
            found(tmp_path, LLAVA_TEMPLATE, thinking="on")

    def test_one_that_opens_a_thought_unless_told_not_to(self, tmp_path: Path) -> None:
        for options in ({}, {"thinking": "on"}, {"template_arguments": {"enable_thinking": True}}):
            thinking = found(tmp_path, THINKING_TEMPLATE, **options)
            assert (thinking.active, thinking.appended, thinking.end) == (True, "", "\n</think>\n\n")
        for options in ({"thinking": "off"}, {"template_arguments": {"enable_thinking": False}}):
            thinking = found(tmp_path, THINKING_TEMPLATE, **options)
            assert (thinking.active, thinking.appended) == (False, "")
            assert thinking.arguments["enable_thinking"] is False

    def test_one_whose_model_opens_the_thought_itself(self, tmp_path: Path) -> None:
        thinking = found(tmp_path, SWITCHED)
        assert (thinking.active, thinking.appended, thinking.end) == (True, "<think>\n", "\n</think>\n\n")
        off = found(tmp_path, SWITCHED, thinking="off")
        assert (off.active, off.appended) == (False, "")

    def test_one_without_a_switch_gets_an_empty_thought(self, tmp_path: Path) -> None:
        assert found(tmp_path, ALWAYS).active
        off = found(tmp_path, ALWAYS, thinking="off")
        assert (off.active, off.appended) == (False, "\n</think>\n\n")

    def test_one_that_thinks_only_if_asked_to(self, tmp_path: Path) -> None:
        for options in ({}, {"thinking": "off"}):
            assert not found(tmp_path, ASKED_FOR, **options).active
        on = found(tmp_path, ASKED_FOR, thinking="on")
        assert (on.active, on.appended, on.end) == (True, "<|channel>thought\n", "\n<channel|>")

    def test_a_plain_form(self, tmp_path: Path) -> None:
        assert found(tmp_path, "USER: {image}\n{text} ASSISTANT: [THINK]").closing == "[/THINK]"
        closed = "USER: {image}\n{text} ASSISTANT: <think>\n\n</think>\n\n"
        assert not found(tmp_path, closed).active
        with pytest.raises(BadOption, match="closes the thought before the answer"):
            found(tmp_path, closed, thinking="on")

    def test_one_that_fails_is_reported_when_the_model_uses_it(self, tmp_path: Path) -> None:
        assert not found(tmp_path, "{{ raise_exception('think: no') }}").active
        with pytest.raises(BadOption, match="think: no"):
            found(tmp_path, "{{ raise_exception('think: no') }}", thinking="on")

    def test_one_cannot_reach_out_of_its_sandbox(self, tmp_path: Path) -> None:
        with pytest.raises(BadOption, match="SecurityError"):
            found(tmp_path, "{{ 'think'.__class__.__mro__[1].__subclasses__() }}", thinking="on")


class TestPresets:
    def test_one_that_says_off_answers_at_once_unless_it_is_told_to_think(self, tmp_path: Path) -> None:
        ref = presets()["qwen3.5-9b"].ref
        off = found(tmp_path, THINKING_TEMPLATE, ref)
        assert (off.active, off.appended) == (False, "")
        assert off.identity() == found(tmp_path, THINKING_TEMPLATE, thinking="off").identity()
        for options in ({"thinking": "on"}, {"template_arguments": {"enable_thinking": True}}):
            assert found(tmp_path, THINKING_TEMPLATE, ref, **options).active

    def test_one_without_a_switch_gets_its_own_marks(self, tmp_path: Path) -> None:
        ref = presets()["phi-4-reasoning-vision"].ref
        template = START + ASKED + "{% endif %}"
        off = found(tmp_path, template, ref)
        assert (off.active, off.appended) == (False, "<nothink>")
        on = found(tmp_path, template, ref, thinking="on")
        assert (on.active, on.appended, on.end) == (True, "<think>", "</think>")

    def test_models_that_can_be_told_not_to_think_are(self) -> None:
        told = {name for name, preset in presets().items() if preset.get("thinking")}
        assert {presets()[name].get("thinking") for name in told} == {"off"}
        assert told == {
            "qwen3.5-9b", "qwen3.5-4b", "qwen3.6-27b", "qwen3.6-35b-a3b", "glm-4.6v", "glm-4.6v-flash", "gemma-4-12b",
            "kimi-k2.5", "ovis2.5", "phi-4-reasoning-vision",
        }  # fmt: skip


def test_settings_that_contradict_each_other(tmp_path: Path) -> None:
    for name in ("enable_thinking", "thinking"):
        with pytest.raises(BadOption, match=f"thinking=on contradicts {name}"):
            found(tmp_path, THINKING_TEMPLATE, thinking="on", template_arguments={name: False})


def test_only_what_is_set_is_part_of_the_identity() -> None:
    assert ThinkingOptions().answer_affecting() == {}
    given = ThinkingOptions(thinking="off", thinking_tokens=9, template_arguments={"a": 1})
    assert given.answer_affecting() == {
        "template_arguments": {"a": 1},
        "thinking": "off",
        "thinking_tokens": 9,
    }


def test_the_budget_and_the_arguments_are_part_of_the_identity(tmp_path: Path) -> None:
    settings: list[dict[str, Any]] = [{}, {"thinking_tokens": 9}, {"thinking": "off"}]
    settings.append({"template_arguments": {"system": "x"}})
    assert len({str(found(tmp_path, THINKING_TEMPLATE, **s).identity()) for s in settings}) == 4


def test_what_can_be_asked(tmp_path: Path) -> None:
    on, off = found(tmp_path, THINKING_TEMPLATE), found(tmp_path, THINKING_TEMPLATE, thinking="off")
    assert (on.capabilities(), off.capabilities()) == (frozenset({Capability.REASONED}), frozenset())
    assert [bool(on.refusal(mode)) for mode in ("logprobs", "choice", "reasoned", "text")] == [
        True,
        True,
        False,
        False,
    ]
    assert not off.refusal("logprobs")


def test_a_thought_that_ends_in_a_line_break_gets_no_other() -> None:
    thinking = Thinking(active=True, lead="\n", closing="</think>", trail="\n\n")
    assert (thinking.after("so.\n"), thinking.after("so")) == ("</think>\n\n", "\n</think>\n\n")


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|think|>", "<|/think|>"),
        ("<!-- think", "-->"),
        ("<|channel>thought", "<channel|>"),
    ],
)
def test_each_mark_has_one_that_closes_it(opening: str, closing: str) -> None:
    assert closing_of(opening) == closing
    assert open_thought(f"assistant\n{opening}\n") == f"{opening}\n"
    assert open_thought(f"assistant\n{opening}\n{closing}\n") is None
