"""Chooses the answer mode of each question: the first of the task's modes that the judge is capable of."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import RequestError
from harness.run.participants import Participant
from harness.tasks.prompts import shown_labels
from harness.tasks.spec import Answer, TaskSpec
from harness.types import AnswerMode, Capability, Question

_NEEDS: Mapping[AnswerMode, Capability] = {
    "logprobs": Capability.LOGPROBS,
    "rating": Capability.RATING,
    "choice": Capability.CHOICE,
    "text": Capability.TEXT,
    "reasoned": Capability.REASONED,
}
THINKING = (
    "Turn thinking off (-o thinking=off; of a judge: --judge-option thinking=off), or read what follows the thought: "
    "--read reasoned."
)


def choose_answer_modes(
    judge: Participant, questions: Mapping[str, TaskSpec], asked: str
) -> dict[str, AnswerMode]:
    """The answer mode of each question; `asked` is "auto", or the only mode allowed."""
    return {name: choose_answer_mode(judge, spec, asked) for name, spec in questions.items()}


def choose_answer_mode(judge: Participant, spec: TaskSpec, asked: str) -> AnswerMode:
    """The answer mode of one question. Raises `RequestError` where the judge cannot answer it."""
    capable = judge.instance.capabilities
    assert spec.answer is not None, "questions are judge tasks, which have an answer"
    order = tuple(mode for mode in spec.answer.read if asked in ("auto", mode))
    if asked == "reasoned" and {"logprobs", "choice"} & set(spec.answer.read):
        order = ("reasoned",)  # It ends in one of the options, as these do.
    if not order:
        raise RequestError(
            f"The task {spec.name!r} does not allow the answer mode {asked!r}.",
            f"Its answer modes: {', '.join(spec.answer.read)}.",
        )
    if spec.answer.kind == "pair" and Capability.MULTI_IMAGE not in capable:
        raise RequestError(
            f"{judge.name!r} cannot answer {spec.name!r}: it shows two pictures, and the judge takes one.",
            "Choose another judge; some take several with an option, for example on vLLM: "
            """-o 'limit_mm_per_prompt={"image": 2}'.""",
        )
    mode = next((m for m in order if _NEEDS[m] in capable), None)
    if mode is None:
        raise RequestError(
            f"{judge.name!r} cannot answer {spec.name!r}: the task needs the answer mode {' or '.join(order)}, "
            f"and the judge offers {', '.join(sorted(c.value for c in capable)) or 'none'}.",
            "Choose another judge, or another --read."
            if order != ("reasoned",)
            else "Choose a model that thinks; thinking is an option of some: -o thinking=on.",
        )
    reason = _refusal(judge, spec.answer, mode)
    if reason and "reasoned" in order and Capability.REASONED in capable:
        mode, reason = "reasoned", _refusal(judge, spec.answer, "reasoned")
    if reason:
        thinks = Capability.REASONED in capable and mode != "reasoned"
        raise RequestError(
            f"{judge.name!r} cannot answer {spec.name!r}: {reason}.",
            THINKING if thinks else "Choose another judge.",
        )
    return mode


def _refusal(judge: Participant, answer: Answer, mode: AnswerMode) -> str:
    """Why a judge cannot answer in a mode; "" if it can."""
    labels = shown_labels(answer, answer.options)
    question = Question(answer.kind, answer.options, labels, answer.scale, mode, answer.target)
    return str(judge.instance.cannot_answer(question))
