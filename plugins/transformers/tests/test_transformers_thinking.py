"""A model that thinks first: its thought is bounded, closed and stored apart, and the answer is read from what follows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from memobench_transformers.judge import TransformersJudge

from harness import EMOTIONS, JudgeRequest
from harness.testing import face_picture
from harness.testing.command import kill_after
from harness.testing.models import THINKING_TEMPLATE, tiny_thinking_llava

BUDGET = 20
CLOSED = "\n</think>\n\n"
SCRIPT = Path(sys.executable).parent / "harness"


class Reference:
    """The same weights, token by token with the whole prompt each time, one question at a time."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.processor = AutoProcessor.from_pretrained(folder)
        self.tokenizer = self.processor.tokenizer
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
        names = ("<unk>", "<s>", "</s>", "<pad>", "<image>", "<think>", "</think>")
        self.special = set(self.tokenizer.convert_tokens_to_ids(names))
        self.end = self.tokenizer.convert_tokens_to_ids("</think>")

    def logits(self, inputs: Any, more: list[int]) -> torch.Tensor:
        ids = torch.cat([inputs["input_ids"], torch.tensor([more], dtype=torch.long)], dim=1)
        with torch.inference_mode():
            out = self.model(
                input_ids=ids, pixel_values=inputs["pixel_values"], attention_mask=torch.ones_like(ids)
            )
        return out.logits[0, -1]

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def answer(self, request: JudgeRequest) -> tuple[list[int], bool, dict[str, float]]:
        """The tokens of the thought, whether it is closed, and the log-probability of each option after it."""
        words = request.messages[0].parts[1].text
        inputs = self.processor(
            text=f"USER: <image>\n{words} ASSISTANT: <think>\n",
            images=[request.images[0].image],
            return_tensors="pt",
        )
        thought: list[int] = []
        while len(thought) < BUDGET and (not thought or thought[-1] != self.end):
            token = int(self.logits(inputs, thought).argmax())
            assert token != self.tokenizer.eos_token_id
            thought.append(token)
        closed = thought[-1] == self.end
        # Special tokens of a thought, such as a picture's place, are no part of the prompt for the answer.
        before = [t for t in thought if t not in self.special]
        scores = {}
        for option in request.question.options:
            tokens, total = self.ids(option), 0.0
            for n, token in enumerate(tokens):
                logits = self.logits(inputs, [*before, *self.ids(CLOSED), *tokens[:n]])
                total += float(torch.log_softmax(logits, dim=-1)[token])
            scores[option] = total
        return thought, closed, scores


def test_only_what_follows_the_thought_is_read(tiny: Any, opened: Any, ask: Any, answers: Any) -> None:
    """With options of one token: words of several also subtract what continues them."""
    options = ("happy", "sad", "angry", "surprise")
    reference = Reference(tiny("thinking"))
    asked = ask("reasoned", 8, options=options)
    replies = answers(opened("thinking", batch_size=3, thinking_tokens=BUDGET), asked)
    ends = []
    for request in asked:
        reply = replies[request.id]
        thought, closed, scores = reference.answer(request)
        assert reply.scores == pytest.approx(scores, abs=2e-4)
        assert reply.usage["thinking_tokens"] == reply.usage["completion_tokens"] == len(thought)
        text = reference.tokenizer.decode(thought, skip_special_tokens=True)
        assert reply.thought == text.rstrip("\ufffd").strip()
        ends.append(reply.extra["thought_end"])
        assert ends[-1] == ("closed" if closed else "length")
    assert set(ends) == {"closed", "length"}, "the questions try both"


def test_batches_and_other_modes_change_no_answer(opened: Any, ask: Any, answers: Any) -> None:
    asked = [*ask("reasoned", 5), *ask("reasoned", 5, options=EMOTIONS), *ask("text", 5)]
    together = answers(opened("thinking", batch_size=4, thinking_tokens=BUDGET), asked)
    alone = answers(opened("thinking", batch_size=1, thinking_tokens=BUDGET), asked)
    for id_, reply in together.items():
        other = alone[id_]
        assert (reply.text, reply.thought, reply.usage) == (other.text, other.thought, other.usage)
        assert dict(reply.scores or {}) == pytest.approx(dict(other.scores or {}), abs=2e-5)


def test_a_thought_precedes_free_text_too(opened: Any, ask: Any, answers: Any) -> None:
    judge = opened("thinking", batch_size=4, thinking_tokens=BUDGET)
    reasoned = answers(judge, ask("reasoned", 4)).values()
    texts = answers(judge, ask("text", 4)).values()
    assert [r.thought for r in texts] == [r.thought for r in reasoned]
    for reply in texts:
        assert reply.usage["completion_tokens"] <= reply.usage["thinking_tokens"] + 8
        assert "think>" not in reply.text


def test_without_thinking_probabilities_are_those_of_the_plain_template(
    tiny: Any, opened: Any, ask: Any, answers: Any, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.jinja"
    start = THINKING_TEMPLATE.partition("{% if enable_thinking")[0]
    plain.write_text(start + "{{ '\n</think>\n\n' }}{% endif %}", encoding="utf-8")
    judges = [
        opened("thinking", thinking="off"),
        TransformersJudge(TransformersJudge.Options(ref=str(tiny("thinking")), chat_template=str(plain))),
    ]
    first, second = (answers(judge, [*ask("logprobs", 3), *ask("choice", 3)]) for judge in judges)
    assert [(r.text, r.scores, r.thought) for r in first.values()] == [
        (r.text, r.scores, r.thought) for r in second.values()
    ]


@pytest.mark.parametrize("read", ["logprobs", "choice"])
def test_the_first_word_of_a_thought_is_never_an_answer(
    read: str, opened: Any, ask: Any, answers: Any
) -> None:
    [reply] = answers(opened("thinking", batch_size=4, thinking_tokens=BUDGET), ask(read, 1)).values()
    assert "opens a thought" in reply.error.message
    [reply] = answers(opened("llava", batch_size=4), ask("reasoned", 1)).values()
    assert "opens no thought" in reply.error.message


def test_a_thought_leaves_room_for_the_answer(ask: Any, answers: Any, tmp_path: Path) -> None:
    """The context of the model has 1024 tokens, and it never closes a thought."""
    folder = tiny_thinking_llava(tmp_path / "endless", closes=0.0)
    judge = TransformersJudge(TransformersJudge.Options(ref=str(folder), thinking_tokens=100_000))
    asked = ask("reasoned", 4, options=EMOTIONS)
    # Some end in the token that ends an answer.
    reply = max(answers(judge, asked).values(), key=lambda r: r.usage["thinking_tokens"])
    assert reply.extra["thought_end"] == "length"
    assert 1000 < reply.usage["prompt_tokens"] + reply.usage["thinking_tokens"] < 1024
    assert set(reply.scores) == set(EMOTIONS)


class Command:
    """The real command in a folder with 12 faces."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        for number in range(12):
            path = folder / "faces" / EMOTIONS[number % 6] / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            face_picture(number, 64).image.save(path)  # type: ignore[union-attr]

    def start(self, out: str, *more: str) -> subprocess.Popen[str]:
        arguments = ["--task", "coarse_emotion", "--model", f"transformers:{self.model}", "--data", "faces"]
        return subprocess.Popen(
            [str(SCRIPT), "run", *arguments, "--json", "--out", out, *more],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "XDG_DATA_HOME": str(self.folder)},
        )

    def __call__(self, out: str, *more: str) -> tuple[int, str, str]:
        process = self.start(out, *more)
        stdout, stderr = process.communicate(timeout=200)
        return process.returncode, stdout, stderr

    def replies(self, out: str) -> dict[str, Any]:
        lines = (self.folder / out / "replies.jsonl").read_bytes().split(b"\n")[:-1]
        found = [json.loads(line) for line in lines]
        return {reply["id"]: {k: v for k, v in reply.items() if k != "timings"} for reply in found}


@pytest.fixture
def command(tmp_path: Path, tiny: Callable[[str], Path]) -> Command:
    return Command(tmp_path, tiny("thinking"))


@pytest.mark.e2e
def test_a_judge_that_would_score_its_thought_is_refused_before_weights_load(
    command: Command, tmp_path: Path
) -> None:
    command.model = shutil.copytree(command.model, tmp_path / "broken")
    # Its header is left: the file is whole, and its tensors have another shape than the model's.
    config = json.loads((command.model / "config.json").read_text())
    config["text_config"]["hidden_size"] *= 2
    (command.model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    code, _, said = command("refused")
    assert code == 2
    assert "its prompt opens a thought" in said
    assert "thinking=off" in said
    assert "--read reasoned" in said
    assert not (tmp_path / "refused").exists()
    code, _, said = command("tried", "--read", "reasoned")
    assert code != 0
    assert "different shape" in said, "these weights do not load"


@pytest.mark.e2e
def test_a_run_that_is_killed_is_resumed(command: Command, tmp_path: Path) -> None:
    asked = ("--read", "reasoned", "-o", "thinking_tokens=300", "-o", "batch_size=1")
    process = command.start("killed", *asked)
    kill_after(process, tmp_path / "killed" / "replies.jsonl", 3)
    stored = command.replies("killed")
    assert 3 <= len(stored) < 12
    code, out, said = command("killed", *asked)
    assert code == 0, said
    assert f"12 requests, {len(stored)} already stored" in said
    again = command.replies("killed")
    assert stored.items() <= again.items()
    assert len(again) == 12
    assert all(reply["usage"]["thinking_tokens"] <= 300 for reply in again.values())
    [task] = json.loads(out)["tasks"]
    assert (task["read"], task["answered"], task["unparsed"]) == ("reasoned", 12, 0)
    assert task["usage"]["thinking_tokens"] == sum(r["usage"]["thinking_tokens"] for r in again.values())
    # Another budget asks anew.
    code, _, said = command("killed", "--read", "reasoned", "-o", "thinking_tokens=30")
    assert code == 2, said
    shown = subprocess.run(
        [str(SCRIPT), "show", str(tmp_path / "killed"), "--samples"], capture_output=True, text=True
    )
    lines = [line for line in shown.stdout.splitlines() if " | thought (" in line]
    assert len(lines) == 12
