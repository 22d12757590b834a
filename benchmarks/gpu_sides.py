"""The two sides of `bench_gpu.py`: the harness on a model that stays open, and a bare loop of the same batches.

The harness writes down its batches. A bare loop repeats them as a plain script would, with the same processor and the
same model: open the pictures, call the model, read its output. It stores nothing.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from memobench_diffusers.generator import DiffusersGenerator
from memobench_transformers.judge import TransformersJudge
from PIL import Image

import harness
from harness.run.generate import generate
from harness.run.request import GenerateRequest
from harness.run.watch import Watch

TASK, PROMPTS = "coarse_emotion", "emotion_600"


@dataclass(frozen=True)
class Asked:
    """One request as a plain script needs it."""

    id: str
    prompt: str
    picture: str = ""
    tokens: int = 0
    seed: int = 0


@dataclass
class Log:
    """What happened in one run."""

    batches: list[list[Asked]] = field(default_factory=list)
    seconds: float = 0.0
    """From the first request to the last reply: without planning and scoring."""
    answers: dict[str, Any] = field(default_factory=dict)


class Side(ABC):
    """A model that both sides use. `run` and `loop` return seconds; `loop` repeats the batches of the last `run`."""

    unit = ""

    @abstractmethod
    def run(self, count: int, out: Path) -> tuple[float, float]:
        """Seconds of the whole run, and of its asking."""

    @abstractmethod
    def loop(self) -> float:
        """Seconds of the bare loop."""

    @abstractmethod
    def same(self) -> str:
        """How far the answers of both sides agree."""

    @abstractmethod
    def close(self) -> None:
        """Free the model's memory."""


class OpenJudge(TransformersJudge):
    """A judge that stays open between runs and keeps a log of each."""

    log = Log()

    def open(self) -> None:
        if self._runner is None:
            super().open()
            assert self._runner is not None
            self._runner.answer = partial(self._logged, self._runner.answer)

    def _logged(self, answer: Any, batch: Sequence[Any]) -> Any:
        self.log.batches.append(
            [
                Asked(item.request.id, item.prompt, item.request.sample_id, item.request.sampling.max_tokens)
                for item in batch
            ]
        )
        self.plan = batch[0].plan
        return answer(batch)

    def stream(self, requests: Any) -> Iterator[Any]:
        self.log, began = Log(), time.perf_counter()
        for reply in super().stream(requests):
            self.log.answers[reply.id] = reply.text if reply.scores is None else _best(reply.scores)
            yield reply
        self.log.seconds = time.perf_counter() - began

    def close(self) -> None:
        """Stay open between runs."""


def _best(scores: Mapping[str, float]) -> str:
    return max(scores, key=lambda word: scores[word])


class JudgeSide(Side):
    """Questions about pictures, answered by log-probabilities (`logprobs`) or by free text (`text`)."""

    unit = "questions/s"

    def __init__(self, judge: OpenJudge, data: Path, read: str) -> None:
        self._judge, self._data, self._read = judge, data, read
        self._answers: dict[str, Any] = {}

    def run(self, count: int, out: Path) -> tuple[float, float]:
        began = time.perf_counter()
        result = harness.evaluate(
            TASK, self._judge, data=self._data, limit=count, read=self._read, out=out, progress=False
        )
        seconds = time.perf_counter() - began
        [task] = result.results["tasks"]
        _demand(task["failed"] == 0, f"{task['failed']} of {count} questions failed: see {out}")
        _demand(
            all(len(batch) <= self._judge.options.batch_size for batch in self._judge.log.batches),
            "memory ran out",
        )
        return seconds, self._judge.log.seconds

    @torch.inference_mode()
    def loop(self) -> float:
        runner: Any = self._judge._runner
        ask = self._logprobs if self._read == "logprobs" else self._text
        self._answers, began = {}, time.perf_counter()
        for batch in self._judge.log.batches:
            pictures = [[Image.open(self._data / f"{asked.picture}.png").convert("RGB")] for asked in batch]
            inputs = runner._processor(
                text=[asked.prompt for asked in batch],
                images=pictures,
                padding=True,
                return_tensors="pt",
                add_special_tokens=not batch[0].prompt.startswith(runner._tokenizer.bos_token or "\0"),
            ).to(runner._device, dtype=runner._model.dtype)
            for asked, answer in zip(batch, ask(runner, inputs, batch), strict=True):
                self._answers[asked.id] = answer
        return time.perf_counter() - began

    def _logprobs(self, runner: Any, inputs: Any, batch: Sequence[Asked]) -> list[str]:
        tree, words = self._judge.plan
        tokens = [sequence[0] for sequence in tree.sequences]
        _demand(len(set(tokens)) == len(words), "the bare loop reads words of one token only")
        logits = runner._model(**inputs, logits_to_keep=1, use_cache=False).logits[:, -1]
        scores = torch.log_softmax(logits.float(), dim=-1)[:, tokens].tolist()
        return [_best(dict(zip(words, row, strict=True))) for row in scores]

    def _text(self, runner: Any, inputs: Any, batch: Sequence[Asked]) -> list[str]:
        found = runner._model.generate(
            **inputs,
            max_new_tokens=batch[0].tokens,
            do_sample=False,
            eos_token_id=sorted(runner._stop_tokens),
            pad_token_id=runner._tokenizer.pad_token_id,
        )
        answers = found[:, inputs["input_ids"].shape[1] :]
        return [
            text.rstrip("\ufffd").strip()
            for text in runner._tokenizer.batch_decode(answers, skip_special_tokens=True)
        ]

    def same(self) -> str:
        ours = self._judge.log.answers
        equal = sum(ours[id_] == answer for id_, answer in self._answers.items())
        return f"{equal} of {len(ours)} answers are the same"

    def close(self) -> None:
        TransformersJudge.close(self._judge)


class OpenGenerator(DiffusersGenerator):
    """A generator that stays open between runs and keeps a log of each."""

    log = Log()

    def open(self) -> None:
        if self._pipeline is None:
            super().open()
            self._runner.run = partial(self._logged, self._runner.run)  # type: ignore[method-assign]

    def _logged(self, run: Any, jobs: Sequence[Any]) -> Any:
        replies = run(jobs)
        self.log.batches.append(
            [Asked(job.request.id, job.request.prompt, seed=job.request.seed) for job in jobs]
        )
        return replies

    def stream(self, requests: Any) -> Iterator[Any]:
        self.log, began = Log(), time.perf_counter()
        for reply in super().stream(requests):
            if not self.log.answers:
                self.log.answers[reply.id] = reply.image
            yield reply
        self.log.seconds = time.perf_counter() - began

    def close(self) -> None:
        """Stay open between runs."""


class GeneratorSide(Side):
    """Portraits of a prompt set, stored as PNG files by the harness."""

    unit = "images/s"

    def __init__(self, generator: OpenGenerator) -> None:
        self._generator = generator
        self._kilobytes = self._difference = 0.0

    def run(self, count: int, out: Path) -> tuple[float, float]:
        request = GenerateRequest(self._generator, PROMPTS, limit=count, out=out)  # type: ignore[arg-type]
        began = time.perf_counter()
        result = generate(request, Watch())
        seconds = time.perf_counter() - began
        _demand(result.outcomes == {"ok": count}, f"{count} portraits requested: {dict(result.outcomes)}")
        sizes = [file.stat().st_size for file in out.rglob("*.png")]
        self._kilobytes = sum(sizes) / len(sizes) / 1000
        return seconds, self._generator.log.seconds

    def loop(self) -> float:
        options, log = self._generator.options, self._generator.log
        pictures: dict[str, Any] = {}
        began = time.perf_counter()
        for batch in log.batches:
            output = self._generator._pipeline(
                prompt=[asked.prompt for asked in batch],
                generator=[torch.Generator("cpu").manual_seed(asked.seed) for asked in batch],
                num_inference_steps=options.steps,
                guidance_scale=options.guidance,
                width=options.width,
                height=options.height,
            )
            pictures.update(zip((asked.id for asked in batch), output.images, strict=True))
        seconds = time.perf_counter() - began
        [(id_, image)] = log.answers.items()
        apart = np.asarray(image, np.float32) - np.asarray(pictures[id_], np.float32)
        self._difference = float(np.abs(apart).mean())
        return seconds

    def same(self) -> str:
        return f"the first picture differs by {self._difference:.2f} of 255 on average; {self._kilobytes:.0f} KB per PNG"

    def close(self) -> None:
        DiffusersGenerator.close(self._generator)


class VllmSide(Side):
    """The questions of `JudgeSide`, answered by vLLM; the bare loop passes all prompts to `LLM.generate` in one call."""

    unit = "questions/s"

    def __init__(self, judge: Any, data: Path) -> None:
        from bench_vllm import questions

        self._judge, self._data = judge, data
        judge.open()
        self._questions = questions(judge, [TASK])
        self._count, self._asking, self._stream = 0, 0.0, judge.stream
        judge.stream = self._timed

    def _timed(self, requests: Any) -> Iterator[Any]:
        began = time.perf_counter()
        yield from self._stream(requests)
        self._asking = time.perf_counter() - began

    def run(self, count: int, out: Path) -> tuple[float, float]:
        from bench_vllm import clear_caches

        self._count = count
        clear_caches(self._judge)
        began = time.perf_counter()
        result = harness.evaluate(TASK, self._judge, data=self._data, limit=count, out=out, progress=False)
        seconds = time.perf_counter() - began
        _demand(result.results["tasks"][0]["failed"] == 0, f"questions failed: see {out}")
        return seconds, self._asking

    def loop(self) -> float:
        from bench_vllm import clear_caches, run_script

        clear_caches(self._judge)
        pictures = sorted(self._data.glob("*.png"))[: self._count]
        began = time.perf_counter()
        run_script(self._judge, pictures, self._questions)
        return time.perf_counter() - began

    def same(self) -> str:
        return ""

    def close(self) -> None:
        """Its process ends after it."""


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)
