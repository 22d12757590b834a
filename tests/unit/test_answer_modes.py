"""The answer mode of a question, above all for a judge that thinks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness import Capability, Judge, Question, RequestError
from harness.run.answer_modes import choose_answer_mode
from harness.run.participants import Participant
from harness.tasks.spec import TaskSpec

GUIDED = {Capability.TEXT, Capability.CHOICE, Capability.LOGPROBS}


class Thinks(Judge):
    """A judge whose prompt opens a thought, if it is `active`."""

    def __init__(self, active: bool = True) -> None:
        self.active = active

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset(GUIDED | ({Capability.REASONED} if self.active else set()))

    def cannot_answer(self, question: Question) -> str:
        free = question.answer_mode in ("reasoned", "text")
        return "" if free or not self.active else "its prompt opens a thought"


def mode(
    read: Sequence[str] = ("logprobs", "choice", "text"), asked: str = "auto", *, active: bool = True
) -> str:
    spec = TaskSpec.model_validate(
        {
            "name": "feeling",
            "version": "1",
            "role": "judge",
            "stage": "coarse",
            "answer": {
                "kind": "choice",
                "options": ["happy", "sad"],
                "read": read,
                "truth": {"field": "emotion"},
            },
            "prompts": [{"name": "plain", "text": "{image} Which? {options}"}],
            "metrics": [{"name": "accuracy", "primary": True}],
        }
    )
    judge = Participant("thinker", Thinks(active), {}, None, None)  # type: ignore[arg-type]
    return choose_answer_mode(judge, spec, asked)


@pytest.mark.parametrize("asked", ["auto", "logprobs", "choice"])
def test_no_answer_is_read_from_the_first_word_of_a_thought(asked: str) -> None:
    with pytest.raises(RequestError, match="opens a thought") as error:
        mode(asked=asked)
    assert "-o thinking=off" in error.value.hint
    assert "--read reasoned" in error.value.hint
    assert mode(asked=asked, active=False) == ("choice" if asked == "choice" else "logprobs")


def test_reasoned_is_for_those_who_ask() -> None:
    assert mode(asked="reasoned") == "reasoned"
    with pytest.raises(RequestError, match="needs the answer mode reasoned") as error:
        mode(asked="reasoned", active=False)
    assert "thinking=on" in error.value.hint


def test_a_task_may_list_it() -> None:
    for read in (("reasoned", "logprobs"), ("logprobs", "reasoned", "text")):
        assert mode(read) == "reasoned"
        assert mode(read, active=False) == "logprobs"
    assert mode(("text", "reasoned")) == "text"


def test_a_task_that_reads_text_alone_has_no_options_to_guide_to() -> None:
    with pytest.raises(RequestError, match="does not allow the answer mode 'reasoned'"):
        mode(("text",), "reasoned")
