"""Tokenises memobench's questions: prompt variants, permuted options, the model's chat template."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from harness.mllm import chat_content
from harness.tasks.catalog import load
from harness.tasks.prompts import as_text, render, shown_options
from harness.tasks.spec import Answer, PromptVariant, TaskSpec

PROMPT_VARIANTS = (
    ("coarse_emotion", "plain"),
    ("coarse_polarity", "plain"),
    ("fine_intensity", "unnamed"),
    ("fine_intensity", "named"),
)
"""The prompt variants that nano is trained on: task and variant name."""


@dataclass(frozen=True)
class Example:
    """One question about one picture with its true answer, as token ids."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


class Question:
    """One prompt variant of one task."""

    def __init__(self, task: str, variant: str, processor: Any, picture_tokens: int) -> None:
        spec, _ = load(task)
        assert isinstance(spec, TaskSpec)
        assert spec.answer is not None
        self.name = f"{task}/{variant}"
        self.answer: Answer = spec.answer
        self._variant: PromptVariant = next(v for v in spec.prompts if v.name == variant)
        self._processor, self._picture_tokens = processor, picture_tokens
        self._prompts: dict[str, tuple[int, ...]] = {}

    def truth(self, emotion: str, strength: int) -> str | None:
        """The correct option; None if the task does not apply, such as the strength of a neutral face."""
        if self.answer.truth.field == "intensity":
            return None if emotion in self.answer.truth.leave_out else self.answer.options[strength - 1]
        return self.answer.truth.mapping.get(emotion, emotion)

    def prompt(self, emotion: str, sample_id: str, seed: int) -> tuple[int, ...]:
        """The prompt as the judge builds it for this sample, image tokens included."""
        messages = render(self._variant, self.answer, shown_options(self.answer, sample_id, seed), emotion)
        text = as_text(messages)
        if text not in self._prompts:
            self._prompts[text] = self._tokenize_chat(chat_content(messages))
        return self._prompts[text]

    def _tokenize_chat(self, content: list[dict[str, Any]]) -> tuple[int, ...]:
        text = self._processor.apply_chat_template(content, add_generation_prompt=True)
        image = self._processor.image_token
        return self._tokenize(text.replace(image, image * self._picture_tokens), special=True)

    def option(self, option: str) -> tuple[int, ...]:
        """The tokens of an option after the prompt."""
        return self._tokenize(" " + option, special=False)

    def example(self, emotion: str, strength: int, rng: random.Random) -> Example | None:
        """The question with its answer and the end token; the options are shuffled."""
        truth = self.truth(emotion, strength)
        if truth is None:
            return None
        prompt = self.prompt(emotion, f"{rng.getrandbits(64):016x}", rng.getrandbits(16))
        return Example(prompt, (*self.option(truth), self._processor.tokenizer.eos_token_id))

    def _tokenize(self, text: str, *, special: bool) -> tuple[int, ...]:
        return tuple(self._processor.tokenizer.encode(text, add_special_tokens=special))


def load_questions(processor: Any, picture_tokens: int) -> list[Question]:
    return [Question(task, variant, processor, picture_tokens) for task, variant in PROMPT_VARIANTS]
