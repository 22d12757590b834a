"""Overhead of the harness: a complete `harness run` against decoding the same pictures with Pillow.

    python benchmarks/bench_run.py [--pictures 7145] [--pairs 3]
    python benchmarks/bench_run.py --small 200000

Makes 256x256 PNGs of about 90 KB in a temporary folder. Then runs, alternately and in separate processes, a plain
script that decodes all of them in 2 threads and `harness run --task coarse_emotion --model echo --data FOLDER`.
Prints the ratio of their times for each pair, and the peak memory of the run at n and 4 n pictures. Compare ratios
only; absolute times depend on the machine. `--small N` takes N pictures of 24x16 instead, where the harness itself takes
the time, and decodes them one by one.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
DECODE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from PIL import Image

def decode(path):
    with Image.open(path) as image:
        image.load()

with ThreadPoolExecutor(2) as pool:
    list(pool.map(decode, sorted(Path(sys.argv[1]).glob("*.png"))))
"""


def picture(seed: int) -> bytes:
    """A 256x256 PNG of about 90 KB: smooth waves with a little noise."""
    y, x = np.mgrid[0:256, 0:256]
    waves = np.stack([(np.sin(x / 40 + seed) + np.cos(y / 30 + c)) * 60 + 128 for c in range(3)], -1)
    noise = np.random.default_rng(seed).normal(0, 2.0, waves.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(waves + noise, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def make_data(folder: Path, count: int) -> float:
    """Write `count` pictures and a manifest; returns the mean size in bytes."""
    images = [picture(seed) for seed in range(200)]
    folder.mkdir()
    rows = ["image,emotion,intensity"]
    for i in range(count):
        (folder / f"{i:06d}.png").write_bytes(images[i % len(images)])
        emotion = EMOTIONS[i % 6]
        rows.append(f"{i:06d}.png,{emotion},{'' if emotion == 'neutral' else i % 5 + 1}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return sum(map(len, images)) / len(images)


def make_small(folder: Path, count: int) -> None:
    """Many pictures of 24x16, each another one."""
    (folder / "faces").mkdir(parents=True)
    rows = ["image,id,emotion,intensity,subject"]
    for i in range(count):
        colour = (i % 256, i // 256 % 256, i // 65536 % 256)
        Image.new("RGB", (24, 16), colour).save(folder / "faces" / f"{i:07d}.png")
        rows.append(f"faces/{i:07d}.png,s{i:07d},{EMOTIONS[i % 6]},{i % 5 + 1},person{i // 20}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def compare_small(here: Path, run: list[str], count: int, pairs: int) -> None:
    """Print what the harness takes for many small pictures, beside decoding them."""
    make_small(here / "small", count)
    decode = [
        sys.executable,
        "-c",
        DECODE.replace("ThreadPoolExecutor(2)", "ThreadPoolExecutor(1)"),
        "small/faces",
    ]
    for pair in range(pairs):
        baseline = measure(decode, here)
        ours = measure([*run, "small"], here)
        shutil.rmtree(here / "run")
        print(
            f"pair {pair + 1}: {count} pictures of 24x16: decoding {baseline[0]:.1f} s, harness {ours[0]:.1f} s, "
            f"ratio {ours[0] / baseline[0]:.2f}, {ours[0] / count * 1e6:.0f} us each, peak {ours[2]:.0f} MB",
            flush=True,
        )


def measure(command: list[str], cwd: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory (MB) of one command in its own process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    scale = 1 if sys.platform == "darwin" else 1024
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=7145)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--small", type=int, metavar="N")
    arguments = parser.parse_args()
    harness = Path(sys.executable).with_name("harness")
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        options = "--task coarse_emotion --model echo --json --out run --data"
        run = [str(harness), "run", *options.split()]
        if arguments.small:
            compare_small(here, run, arguments.small, arguments.pairs)
            return
        size = make_data(here / "data", arguments.pictures)
        print(f"{arguments.pictures} PNGs of 256x256, {size / 1000:.0f} KB each")
        decode = [sys.executable, "-c", DECODE, "data"]
        ratios, cpu_ratios = [], []
        for pair in range(arguments.pairs):
            baseline = measure(decode, here)
            ours = measure([*run, "data"], here)
            shutil.rmtree(here / "run")
            ratios.append(ours[0] / baseline[0])
            cpu_ratios.append(ours[1] / baseline[1])
            print(
                f"pair {pair + 1}: decoding {baseline[0]:.1f} s, harness {ours[0]:.1f} s, ratio {ratios[-1]:.2f} "
                f"(CPU time {cpu_ratios[-1]:.2f}), peak {ours[2]:.0f} MB"
            )
        print(
            f"median ratio {statistics.median(ratios):.2f} (at most 1.5), CPU time {statistics.median(cpu_ratios):.2f}"
        )
        make_data(here / "four", 4 * arguments.pictures)
        four = measure([*run, "four"], here)
        print(
            f"peak memory {ours[2]:.0f} MB for {arguments.pictures}, {four[2]:.0f} MB for {4 * arguments.pictures}: "
            f"{four[2] / ours[2]:.2f} times (at most 1.15)"
        )
        helps = sorted(measure([str(harness), "--help"], here)[1] for _ in range(5))
        print(f"harness --help: {helps[2]:.3f} s of CPU time (at most 0.15)")


if __name__ == "__main__":
    main()
