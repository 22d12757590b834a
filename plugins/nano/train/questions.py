"""The product's own questions as tokens: its wordings, its permuted options, the model's own chat template."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from harness.mllm import chat_content
from harness.tasks.catalog import load
from harness.tasks.prompts import as_text, render, shown_options
from harness.tasks.spec import Answer, TaskSpec, Wording

ASKED = (
    ("coarse_emotion", "plain"),
    ("coarse_polarity", "plain"),
    ("fine_intensity", "unnamed"),
    ("fine_intensity", "named"),
)
"""Each wording that nano learns to answer: task and name of the wording."""


@dataclass(frozen=True)
class Asked:
    """One question on one picture, with its true answer, as token ids."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


class Question:
    """One wording of one task."""

    def __init__(self, task: str, wording: str, processor: Any, picture_tokens: int) -> None:
        spec, _ = load(task)
        assert isinstance(spec, TaskSpec)
        assert spec.answer is not None
        self.name = f"{task}/{wording}"
        self.answer: Answer = spec.answer
        self._wording: Wording = next(w for w in spec.prompts if w.name == wording)
        self._processor, self._picture_tokens = processor, picture_tokens
        self._prompts: dict[str, tuple[int, ...]] = {}

    def truth(self, emotion: str, strength: int) -> str | None:
        """The right option; None where the task does not ask (how strong is neutral?)."""
        if self.answer.truth.field == "intensity":
            return None if emotion in self.answer.truth.leave_out else self.answer.options[strength - 1]
        return self.answer.truth.mapping.get(emotion, emotion)

    def prompt(self, emotion: str, sample_id: str, seed: int) -> tuple[int, ...]:
        """The question as the judge sees it for this sample, its picture's tokens included."""
        messages = render(self._wording, self.answer, shown_options(self.answer, sample_id, seed), emotion)
        text = as_text(messages)
        if text not in self._prompts:
            self._prompts[text] = self._encoded(chat_content(messages))
        return self._prompts[text]

    def _encoded(self, content: list[dict[str, Any]]) -> tuple[int, ...]:
        text = self._processor.apply_chat_template(content, add_generation_prompt=True)
        image = self._processor.image_token
        return self._ids(text.replace(image, image * self._picture_tokens), special=True)

    def option(self, option: str) -> tuple[int, ...]:
        """The tokens of an option as it follows the prompt."""
        return self._ids(" " + option, special=False)

    def asked(self, emotion: str, strength: int, chance: random.Random) -> Asked | None:
        """The question with its answer and the token that ends it, options in an order of chance."""
        truth = self.truth(emotion, strength)
        if truth is None:
            return None
        prompt = self.prompt(emotion, f"{chance.getrandbits(64):016x}", chance.getrandbits(16))
        return Asked(prompt, (*self.option(truth), self._processor.tokenizer.eos_token_id))

    def _ids(self, text: str, *, special: bool) -> tuple[int, ...]:
        return tuple(self._processor.tokenizer.encode(text, add_special_tokens=special))


def questions(processor: Any, picture_tokens: int) -> list[Question]:
    """All wordings that nano learns."""
    return [Question(task, wording, processor, picture_tokens) for task, wording in ASKED]
