"""What the processes of `bench_gpu.py` do: build one model, and compare its two sides for as long as its share lasts."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from gpu_models import JUDGES as JUDGE_MODELS
from gpu_models import PIPELINES as PIPELINE_MODELS
from gpu_models import made_in_memory, make_pipeline, write_judge, write_pipeline
from gpu_sides import GeneratorSide, JudgeSide, OpenGenerator, OpenJudge, Side, VllmSide
from gpu_tasks import BATCH, PIPELINES, Measured, Task
from PIL import Image

import harness

PAIRS = 3
SECONDS = {"full": 15.0, "tiny": 1.5}
"""The longest time that one side runs at a time."""
PICTURES = {"full": (640, 512), "tiny": (192, 96)}
"""How many pictures there are for judges, and their side in pixels."""
MOST_IMAGES = 600


def machine(size: str) -> tuple[bool, str]:
    """Whether the size can run here, and on what."""
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}, diffusers {diffusers.__version__}"
    transformers.utils.logging.disable_progress_bar()
    if torch.cuda.is_available():
        return True, f"{torch.cuda.get_device_name()}, {versions}; {size} models with random weights"
    if size == "full":
        return False, "torch finds no GPU; `--size tiny` runs on the CPU"
    return True, f"CPU, {versions}; {size} models with random weights: only the path is tested"


def measure(task: Task) -> Iterator[str | Measured]:
    """Lines for the user, and results."""
    began = time.monotonic()
    sides = open_sides(task)
    yield f"{task.name}: made in {time.monotonic() - began:.0f} s"
    # The rest of the share is for what takes longer than the first batch suggests.
    planned = time.monotonic() + 0.85 * task.left
    try:
        for number, (label, side) in enumerate(sides):
            share = (planned - time.monotonic()) / (len(sides) - number)
            yield from compare(task, label, side, time.monotonic() + share)
    finally:
        for _, side in sides[:1]:
            side.close()
        del side, sides
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def open_sides(task: Task) -> Sequence[tuple[str, Side]]:
    """The sides of a model, by the name of what is measured; they share the model."""
    device, dtype = where()
    folder = task.folder / f"{task.name} model"
    if task.name in PIPELINES:
        wanted = PIPELINE_MODELS[task.size][task.name]
        pipeline = make_pipeline(wanted, device, dtype)
        generator = OpenGenerator(
            OpenGenerator.Options(
                ref=str(write_pipeline(pipeline, folder)),
                steps=wanted.steps,
                guidance=wanted.guidance,
                width=wanted.side,
                height=wanted.side,
                dtype="bfloat16" if dtype is torch.bfloat16 else "float32",
                batch_size=BATCH[task.name],
            )
        )
        with made_in_memory(device, dtype, pipeline):
            generator.open()
        return [(f"{task.name} {wanted.side} px", GeneratorSide(generator))]
    data = make_pictures(task)
    if task.name == "vllm":
        return [
            ("vllm llava logprobs", open_vllm(write_judge(JUDGE_MODELS[task.size]["llava"], folder), data))
        ]
    model = write_judge(JUDGE_MODELS[task.size][task.name], folder)
    judge = OpenJudge(OpenJudge.Options(ref=str(model), batch_size=BATCH[task.name]))
    with made_in_memory(device, dtype):
        judge.open()
    return [(f"{task.name} {read}", JudgeSide(judge, data, read)) for read in ("logprobs", "text")]


def where() -> tuple[str, torch.dtype]:
    """The device of the models, and the type of their weights."""
    return ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)


def open_vllm(model: Path, data: Path) -> Side:
    """vLLM makes random weights itself."""
    from bench_vllm import OpenJudge as OpenVllm

    settings: dict[str, Any] = {"engine": {"load_format": "dummy"}}
    if torch.cuda.is_available():
        # Compiling takes longer than the share.
        settings |= {"dtype": "bfloat16", "enforce_eager": True, "gpu_memory_utilization": 0.6}
    return VllmSide(OpenVllm(OpenVllm.Options(ref=str(model), **settings)), data)


def compare(task: Task, label: str, side: Side, deadline: float) -> Iterator[str | Measured]:
    """Run both sides alternately until the deadline, at most `PAIRS` times."""
    batch, out = BATCH[task.name], task.folder / label
    side.run(batch, out / "warm")
    side.loop()
    # Now kernels are chosen and memory is reserved.
    seconds = side.loop()
    left = deadline - time.monotonic()
    most = MOST_IMAGES if task.name in PIPELINES else PICTURES[task.size][0]
    batches = max(1, min(int(min(SECONDS[task.size], left / (2 * PAIRS)) / seconds), most // batch))
    if left < 3 * seconds:
        yield f"{label}: left out, because one batch takes {seconds:.1f} s and {max(0, left):.0f} s are left"
        return
    pairs: list[tuple[float, float, float]] = []
    peaks = [0.0, 0.0]
    took = 0.0
    while len(pairs) < PAIRS and (not pairs or time.monotonic() + took < deadline):
        began = time.monotonic()
        times: dict[str, tuple[float, ...]] = {}
        # The loop repeats the batches of the run before it, which are the same in each.
        for number in (0, 1) if len(pairs) % 2 == 0 else (1, 0):
            _reset_peak()
            if number == 0:
                times["harness"] = side.run(batches * batch, out / str(len(pairs)))
            else:
                times["loop"] = (side.loop(),)
            peaks[number] = max(peaks[number], _peak(task))
        took = time.monotonic() - began
        pairs.append((*times["harness"], *times["loop"]))  # type: ignore[arg-type]
        ours, asking, loop = pairs[-1]
        yield (
            f"{label}: {batches} x {batch}, harness {ours:.2f} s (asking {asking:.2f} s), loop {loop:.2f} s, "
            f"ratio {loop / ours:.2f}"
        )
    if side.same():
        yield f"{label}: {side.same()}"
    count = batches * batch
    yield Measured(
        task.name,
        label,
        side.unit,
        statistics.median(count / ours for ours, _, _ in pairs),
        statistics.median(count / loop for _, _, loop in pairs),
        statistics.median(loop / ours for ours, _, loop in pairs),
        statistics.median(loop / asking for _, asking, loop in pairs),
        len(pairs),
        (peaks[0], peaks[1]) if torch.cuda.is_available() else None,
    )


def _reset_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak(task: Task) -> float:
    """GiB since the last reset; of vLLM, whose memory is another process's, what is in use."""
    if not torch.cuda.is_available():
        return 0.0
    if task.name == "vllm":
        free, total = torch.cuda.mem_get_info()
        return (total - free) / 2**30
    return torch.cuda.max_memory_allocated() / 2**30


def make_pictures(task: Task) -> Path:
    """A data set of pictures that all differ: smooth waves with a little noise. Made once for all judges."""
    folder = task.folder / "pictures"
    if folder.is_dir():
        return folder
    count, side = PICTURES[task.size]
    folder.mkdir()
    y, x = np.mgrid[0:side, 0:side]
    noise = np.random.default_rng(0).normal(0, 2.0, (side, side, 3))

    def write(number: int) -> None:
        waves = np.stack(
            [(np.sin(x / 40 + number) + np.cos(y / 30 + colour)) * 60 + 128 for colour in range(3)], -1
        )
        pixels = np.clip(waves + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04}.png", compress_level=1)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(count)))
    rows = [f"{n:04}.png,{n:04},{harness.EMOTIONS[n % 6]}" for n in range(count)]
    (folder / "manifest.csv").write_text("\n".join(["image,id,emotion", *rows]) + "\n", encoding="utf-8")
    return folder
