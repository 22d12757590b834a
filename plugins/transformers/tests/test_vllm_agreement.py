"""The same weights give the same texts and probabilities in vLLM. Both engines run for real, on CPU."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness import EMOTIONS, JudgeRequest, Message, Part, Picture, Question, Sampling
from harness.testing import Listed

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
PICTURES = 40
WORDS = {
    LEVELS: "How strong is the emotion that the person's face shows?\nAnswer with one of these levels and nothing else: ",
    EMOTIONS: "Which emotion does the person's face show?\nAnswer with one of these words and nothing else: ",
}
QUIET = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}


def questions() -> list[JudgeRequest]:
    """Two questions in three answer modes, about pictures of several sizes, with the options in several orders."""
    requests = []
    for number in range(PICTURES):
        picture = colours(number)
        for options, words in WORDS.items():
            turn = 0 if options == LEVELS else number % 6
            shown = options[turn:] + options[:turn]
            messages = (Message("user", (Part(image=0), Part(words + ", ".join(shown) + "."))),)
            for read in ("logprobs", "choice", "text"):
                question = Question("choice", shown, answer_mode=read)  # type: ignore[arg-type]
                id_ = f"{read}-{len(options)}-{number:03}"
                requests.append(
                    JudgeRequest(id_, id_, (picture,), messages, question, Sampling(max_tokens=16))
                )
    return requests


def colours(number: int) -> Picture:
    """Random coloured patches: models with random weights give all faces the same answer."""
    values = random.Random(number).randbytes(4 * 4 * 3)
    side = 56 + 8 * (number % 7)
    image = Image.frombytes("RGB", (4, 4), values).resize((side, 64), Image.Resampling.NEAREST)
    return Picture(f"{number:064x}", image=image)


def replies(engine: str, folder: str) -> dict[str, Any]:
    """The answers of one engine, as JSON-serializable data."""
    if engine == "vllm":
        from memobench_vllm.judge import VllmJudge as Engine
    else:
        from memobench_transformers.judge import TransformersJudge as Engine  # type: ignore[assignment]
    judge = Engine(Engine.Options(ref=folder, dtype="float32"))
    judge.open()
    found = {
        r.id: [
            r.text,
            r.scores and dict(r.scores),
            r.finish_reason,
            r.error and r.error.message,
            dict(r.usage or {}),
        ]
        for r in judge.stream(Listed(questions()))
    }
    judge.close()
    return found


def probabilities(scores: Mapping[str, float]) -> dict[str, float]:
    total = sum(map(math.exp, scores.values()))
    return {option: math.exp(score) / total for option, score in scores.items()}


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("name", ["llava", "qwen2-vl"])
def test_answers_match_vllm(name: str, tiny: Callable[[str], Path]) -> None:
    found = []
    for engine in ("transformers", "vllm"):
        done = subprocess.run(
            [sys.executable, __file__, engine, str(tiny(name))],
            env=os.environ | QUIET,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    ours, theirs = found
    request_ids = [request.id for request in questions()]
    assert sorted(ours) == sorted(theirs) == sorted(request_ids)
    assert not [reply for reply in (*ours.values(), *theirs.values()) if reply[3]]
    for read in ("choice", "text"):
        ids = [id_ for id_ in request_ids if id_.startswith(read)]
        same = sum(ours[id_][0] == theirs[id_][0] and ours[id_][2] == theirs[id_][2] for id_ in ids)
        assert same >= 0.99 * len(ids), f"{read}: {same} of {len(ids)}"
        assert len({ours[id_][0] for id_ in ids}) > 2, "constant answers would agree by chance"
    scored = [id_ for id_ in request_ids if id_.startswith("logprobs")]
    for id_ in scored:
        assert probabilities(ours[id_][1]) == pytest.approx(probabilities(theirs[id_][1]), abs=1e-3)
        assert ours[id_][1] == pytest.approx(theirs[id_][1], abs=1e-3)
    texts = [id_ for id_ in request_ids if id_.startswith("text")]
    assert all(ours[id_][4]["prompt_tokens"] == theirs[id_][4]["prompt_tokens"] for id_ in texts)


if __name__ == "__main__":
    print(json.dumps(replies(sys.argv[1], sys.argv[2])))
