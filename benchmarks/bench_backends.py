"""Several questions per picture: vLLM, which caches the picture's work, against batched transformers.

    python benchmarks/bench_backends.py [--pictures 96] [--tasks comprehension] [--read logprobs] [--against script]

All sides run the same LLaVA with 31 million parameters (224 px, random weights, float32). `script` is a plain script:
decode the pictures, then run batches of 16 prompts through the processor and `generate`, 8 tokens each. `judge` is
the judge `transformers`, with the same answer mode as the one on vLLM. The harness side includes storing and scoring;
start-up is not measured. Prints replies/s of each side, their ratio, and the tokens that the engine took from caches.
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

from bench_vllm import OpenJudge, clear_caches, make_pictures, questions
from memobench_transformers.judge import TransformersJudge
from PIL import Image

import harness
from harness.tasks.catalog import load
from harness.tasks.spec import SuiteSpec
from harness.testing import models

BATCH, TOKENS = 16, 8


class OpenTransformers(TransformersJudge):
    """A judge that stays open between runs."""

    opened = False

    def open(self) -> None:
        if not self.opened:
            super().open()
            self.opened = True

    def close(self) -> None:
        """Stay open between runs."""


def run_script(model: str, prompts: list[str], paths: list[Path], connection: Connection) -> None:
    """Plain batched transformers in its own process: runs all prompts for each message on the connection."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    network = AutoModelForImageTextToText.from_pretrained(model, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(model)
    processor.tokenizer.padding_side = "left"
    with torch.inference_mode():
        while connection.recv():
            start_time = time.perf_counter()
            jobs = [(Image.open(path).convert("RGB"), prompt) for path in paths for prompt in prompts]
            for start in range(0, len(jobs), BATCH):
                images, prompts = zip(*jobs[start : start + BATCH], strict=True)
                inputs = processor(images=list(images), text=list(prompts), return_tensors="pt", padding=True)
                network.generate(**inputs, max_new_tokens=TOKENS, min_new_tokens=TOKENS, do_sample=False)
            connection.send(len(jobs) / (time.perf_counter() - start_time))


def start_script(model: str, prompts: list[str], paths: list[Path]) -> Connection:
    """Start `run_script`; returns the connection to it."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    context.Process(target=run_script, args=(model, prompts, paths, there), daemon=True).start()
    return here


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=96)
    default = "coarse_polarity,coarse_emotion,fine_intensity"
    parser.add_argument(
        "--tasks", default=default, help="comma-separated; each with one picture per question"
    )
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

        def measure(judge: Any, name: str) -> tuple[float, Any]:
            start_time = time.perf_counter()
            result = harness.evaluate(
                options.tasks.split(","), model=judge, data=root / "data", out=root / name, read=options.read
            )
            tasks = result.results["tasks"]
            return sum(task["answered"] for task in tasks) / (time.perf_counter() - start_time), tasks

        connection = start_script(model, texts, paths) if options.against == "script" else None
        other = OpenTransformers(OpenTransformers.Options(ref=model))
        if connection is None:
            other.open()
        ratios = []
        for pair in range(options.pairs):
            if connection is not None:
                connection.send(True)
                baseline = connection.recv()
            else:
                baseline, _ = measure(other, f"transformers{pair}")
            clear_caches(judge)
            ours, tasks = measure(judge, f"vllm{pair}")
            ratios.append(ours / baseline)
            print(
                f"pair {pair}: vllm {ours:.1f} replies/s, transformers ({options.against}) {baseline:.1f}, ratio {ratios[-1]:.2f}",
                flush=True,
            )
        cached = {task["task"]: task["timings"]["cached_tokens"] for task in tasks}
        print(f"tokens from caches by task: {json.dumps(cached)}")
        print(
            f"vllm / transformers at {options.pictures} pictures, {options.tasks}, answer mode {options.read}: median {statistics.median(ratios):.2f}"
        )


def expanded(names: list[str]) -> list[str]:
    """Replace suites by their tasks."""
    found = []
    for name in names:
        spec, _ = load(name)
        found += list(spec.tasks) if isinstance(spec, SuiteSpec) else [name]
    return found


def make_rated(folder: Path, count: int) -> list[Path]:
    """Pictures with a strength, so that every task applies to them."""
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
