"""Overhead of the harness on vLLM, with models that have random weights.

    python benchmarks/bench_vllm.py [--model tiny|small] [--pictures 600] [--pairs 7] [--tasks coarse_emotion]

One engine serves both sides alternately, with cleared caches: a plain script that decodes all pictures and passes
all prompts to `LLM.generate` in one call, and `harness.evaluate` on the same pictures and questions (including decoding,
storing and scoring). Prints images/s for each pair and the ratio harness / script: 1 means no overhead. `tiny` is a
LLaVA with 0.7 million parameters, where Python's overhead dominates; `small` has 31 million at 224 px.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from memobench_vllm.judge import VllmJudge
from PIL import Image

import harness
from harness.testing import models

EMOTIONS = harness.EMOTIONS


class OpenJudge(VllmJudge):
    """A judge that stays open between runs, so that start-up is not measured."""

    def open(self) -> None:
        if self._llm is None:
            super().open()

    def close(self) -> None:
        """Stay open between runs."""


def make_pictures(folder: Path, count: int, side: int) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        path = folder / EMOTIONS[number % 6] / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


def questions(judge: VllmJudge, tasks: list[str]) -> list[tuple[str, list[list[int]]]]:
    """The prompt of each task, and the tokens to score after each prefix of the candidate words."""
    from harness.tasks.catalog import load
    from harness.tasks.prompts import render, shown_options
    from harness.tasks.spec import TaskSpec
    from harness.types import Question

    found = []
    for name in tasks:
        spec, _ = load(name)
        assert isinstance(spec, TaskSpec)
        assert spec.answer is not None
        shown = shown_options(spec.answer, "x", 0)
        rendered = judge._prompter.render(render(spec.prompts[0], spec.answer, shown, None))
        tree, _ = judge._prompter.words(Question(spec.answer.kind, shown), rendered)
        [prompt] = judge._prompter.tokens([rendered])
        found.append((prompt, [(list(p), list(tree.children(p))) for p in tree.prefixes]))
    return found


def run_script(judge: VllmJudge, paths: list[Path], prompts_and_candidates: Any) -> None:
    """A plain script: decode everything, submit everything in one call."""
    from vllm import SamplingParams

    pictures = [Image.open(path).convert("RGB") for path in paths]
    prompts, params = [], []
    for path, picture in zip(paths, pictures, strict=True):
        for prompt, candidates in prompts_and_candidates:
            for prefix, tokens in candidates:
                prompts.append(
                    {
                        "prompt_token_ids": prompt + prefix,
                        "multi_modal_data": {"image": picture},
                        "multi_modal_uuids": {"image": str(path)},
                    }
                )
                params.append(SamplingParams(temperature=0, max_tokens=1, logprob_token_ids=tokens))
    judge._llm.generate(prompts, params, use_tqdm=False)


def clear_caches(judge: VllmJudge) -> None:
    judge._llm.reset_prefix_cache()
    judge._llm.reset_mm_cache()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=("tiny", "small"), default="tiny")
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--tasks", default="coarse_emotion", help="comma-separated")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        side = 128 if options.model == "tiny" else 256
        paths = make_pictures(root / "data", options.pictures, side)
        build = models.tiny_llava if options.model == "tiny" else models.small_llava
        judge = OpenJudge(OpenJudge.Options(ref=str(build(root / "model"))))
        judge.open()
        tasks = options.tasks.split(",")
        prompts_and_candidates = questions(judge, tasks)
        # Warm up both sides, so that one-time costs are not measured.
        run_script(judge, paths[:64], prompts_and_candidates)
        harness.evaluate(tasks, model=judge, data=root / "data", limit=64, out=root / "warm")
        ratios = []
        for pair in range(options.pairs):
            clear_caches(judge)
            start = time.perf_counter()
            run_script(judge, paths, prompts_and_candidates)
            baseline = len(paths) / (time.perf_counter() - start)
            clear_caches(judge)
            start = time.perf_counter()
            harness.evaluate(tasks, model=judge, data=root / "data", out=root / f"run{pair}")
            ours = len(paths) / (time.perf_counter() - start)
            ratios.append(ours / baseline)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"pair {pair}: script {baseline:.1f} images/s, harness {ours:.1f}, ratio {ratios[-1]:.2f}; peak {peak:.0f} MB",
                flush=True,
            )
    print(
        f"harness / script at {options.pictures} pictures, {options.model}, {options.tasks}: median {statistics.median(ratios):.2f}"
    )


if __name__ == "__main__":
    main()
