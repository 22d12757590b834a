"""Several questions to one picture: vLLM, whose caches share the picture's work, against batched transformers.

    python benchmarks/bench_backends.py [--pictures 96] [--tasks comprehension] [--read logprobs] [--against script]

All run the same LLaVA of 31 million parameters (224 px, random weights, float32). `script` is what somebody writes by
hand: decode the pictures, then batches of 16 prompts through the processor and `generate`, 8 tokens each. `judge` is
our own judge `transformers`, which reads as the one on vLLM does. The harness's side includes storing and scoring;
starting is not measured. Prints replies/s of each, their ratio, and what the engine took from its caches.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench_vllm import OpenJudge, forget, make_pictures, questions
from memobench_transformers.judge import TransformersJudge
from PIL import Image

import harness
from harness.tasks.catalog import load
from harness.tasks.spec import SuiteSpec
from harness.testing import models

BATCH, TOKENS = 16, 8


class OpenTransformers(TransformersJudge):
    """A judge that stays open from run to run."""

    opened = False

    def open(self) -> None:
        if not self.opened:
            super().open()
            self.opened = True

    def close(self) -> None:
        """Stay open."""


def by_hand(model: str, asked: list[str], paths: list[Path], wire: Connection) -> None:
    """Batched transformers by hand, in a process of its own: asks all prompts of all pictures whenever told to."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    network = AutoModelForImageTextToText.from_pretrained(model, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(model)
    processor.tokenizer.padding_side = "left"
    with torch.inference_mode():
        while wire.recv():
            begun = time.perf_counter()
            jobs = [(Image.open(path).convert("RGB"), prompt) for path in paths for prompt in asked]
            for start in range(0, len(jobs), BATCH):
                images, prompts = zip(*jobs[start : start + BATCH], strict=True)
                inputs = processor(images=list(images), text=list(prompts), return_tensors="pt", padding=True)
                network.generate(**inputs, max_new_tokens=TOKENS, min_new_tokens=TOKENS, do_sample=False)
            wire.send(len(jobs) / (time.perf_counter() - begun))


def start_by_hand(model: str, asked: list[str], paths: list[Path]) -> Connection:
    """The other end of the wire to `by_hand`."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    context.Process(target=by_hand, args=(model, asked, paths, there), daemon=True).start()
    return here


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=96)
    default = "coarse_polarity,coarse_emotion,fine_intensity"
    parser.add_argument("--tasks", default=default, help="comma-separated; each about one picture")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--against", choices=("script", "judge"), default="script")
    parser.add_argument("--read", choices=("logprobs", "choice", "text"), default="logprobs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = make_rated(root / "data", options.pictures)
        model = str(models.small_llava(root / "model"))
        judge = OpenJudge(OpenJudge.Options(ref=model))
        judge.open()
        prompts = [text for text, _ in questions(judge, expanded(options.tasks.split(",")))]
        texts = [judge._llm.get_tokenizer().decode(p) for p in prompts]

        def ours(judge: Any, name: str) -> tuple[float, Any]:
            begun = time.perf_counter()
            result = harness.evaluate(
                options.tasks.split(","), model=judge, data=root / "data", out=root / name, read=options.read
            )
            tasks = result.results["tasks"]
            return sum(task["answered"] for task in tasks) / (time.perf_counter() - begun), tasks

        wire = start_by_hand(model, texts, paths) if options.against == "script" else None
        other = OpenTransformers(OpenTransformers.Options(ref=model))
        if wire is None:
            other.open()
        ratios = []
        for pair in range(options.pairs):
            if wire is not None:
                wire.send(True)
                plain = wire.recv()
            else:
                plain, _ = ours(other, f"transformers{pair}")
            forget(judge)
            speed, tasks = ours(judge, f"vllm{pair}")
            ratios.append(speed / plain)
            print(
                f"pair {pair}: vllm {speed:.1f} replies/s, transformers ({options.against}) {plain:.1f}, ratio {ratios[-1]:.2f}",
                flush=True,
            )
        cached = {task["task"]: task["timings"]["cached_tokens"] for task in tasks}
        print(f"tokens from caches, task by task: {json.dumps(cached)}")
        print(
            f"vllm / transformers at {options.pictures} pictures, {options.tasks}, read by {options.read}: median {statistics.median(ratios):.2f}"
        )


def expanded(names: list[str]) -> list[str]:
    """Suites as their tasks."""
    found = []
    for name in names:
        spec, _ = load(name)
        found += list(spec.tasks) if isinstance(spec, SuiteSpec) else [name]
    return found


def make_rated(folder: Path, count: int) -> list[Path]:
    """Pictures with a strength each, so that every task has a question for them."""
    paths = [path for path in make_pictures(folder, count, 256) if path.parent.name != "neutral"]
    rows = [
        f"{path.relative_to(folder)},{path.parent.name},{1 + number % 5}" for number, path in enumerate(paths)
    ]
    (folder / "manifest.csv").write_text(
        "\n".join(["image,emotion,intensity", *rows]) + "\n", encoding="utf-8"
    )
    return paths


if __name__ == "__main__":
    main()
