"""Overhead of the harness on a GPU, with full-size models that have random weights. Needs no network and no weights.

    python benchmarks/bench_gpu.py [--size full|tiny] [--only llava,sdxl] [--minutes 8]

Builds LLaVA 1.5 7B, Qwen2.5-VL 7B, Stable Diffusion 1.5, SDXL and Stable Diffusion 3.5 Medium in GPU memory, from their
configurations, in bfloat16; `tiny` are small models of the same classes, in float32 where there is no GPU. Each runs
alternately through the harness (judging pictures, or generating portraits: with planning, decoding, storing and
scoring) and through a bare loop that repeats the same batches on the same model and stores nothing. Where vLLM is
installed, it runs LLaVA, too. Prints throughput, peak GPU memory and the ratio harness / loop: 1 means no overhead, 0.95
is the goal. `asking` is that ratio from the first request to the last reply, which long runs approach.

Every model has its share of the time. What does not fit is left out, with a line that says why. Works in a checkout
where nothing of memobench is installed: it needs torch, transformers, diffusers and what `pyproject.toml` lists.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from gpu_tasks import NEEDS, Measured, Task

GOAL = 0.95
MINUTES = {"full": 8.0, "tiny": 3.0}
LEAST = {"full": 30.0, "tiny": 5.0}
"""Seconds without which a model is not started."""
START = 90.0
"""Seconds that a process has to import its packages."""


class Worker:
    """A process that keeps its imports from one model to the next, and is killed when one takes too long."""

    def __init__(self, size: str, folder: Path, seconds: float) -> None:
        """Raises `RuntimeError` if it does not start, or finds no GPU where one is needed."""
        context = multiprocessing.get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=work, args=(there, size, folder))
        self._process.start()
        there.close()
        problem = f"importing the packages takes longer than {seconds:.0f} s"
        with suppress(EOFError):
            if self._connection.poll(seconds):
                problem = "the process that runs the models died"
                works, said = self._connection.recv()
                problem = "" if works else said
        if problem:
            self.stop()
            raise RuntimeError(problem)
        print(said, flush=True)

    def measure(self, task: Task) -> tuple[list[Measured], bool]:
        """What was measured, and whether the process is still good for another model. Prints what it says."""
        found: list[Measured] = []
        try:
            self._connection.send(task)
            while self._connection.poll(task.left):
                said = self._connection.recv()
                if said is None:
                    return found, True
                if isinstance(said, Measured):
                    found.append(said)
                else:
                    print(said, flush=True)
        except (EOFError, OSError):
            print(f"{task.name}: failed, because its process died", flush=True)
        else:
            print(f"{task.name}: stopped, because its share of the time is over", flush=True)
        self.stop(0)
        return found, False

    def stop(self, patience: float = 3) -> None:
        """End it within some seconds, or kill it, and the processes that it started."""
        self._connection.close()
        self._process.join(patience)
        if self._process.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()


def work(connection: Connection, size: str, folder: Path) -> None:
    """The process: measures one task after the other."""
    os.setsid()
    os.chdir(folder)
    # The same on every machine, whatever is installed there: no face detector, no configuration, no hub.
    os.environ.update(MEMOBENCH_ALLOW="none", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    if size == "tiny":
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    root = Path(__file__).resolve().parent.parent
    sys.path[:0] = [str(root), *map(str, root.glob("plugins/*/src"))]
    try:
        import gpu_measure

        works, said = gpu_measure.machine(size)
        connection.send((works, said))
        while works:
            task = connection.recv()
            try:
                for line_or_result in gpu_measure.measure(task):
                    connection.send(line_or_result)
            except BrokenPipeError:
                return
            except Exception as e:  # one model that does not run leaves the others
                traceback.print_exc()
                connection.send(f"{task.name}: failed: {type(e).__name__}: {str(e).partition(chr(10))[0]}")
            connection.send(None)
    except (EOFError, BrokenPipeError):  # there is nothing more to measure
        return
    except ImportError as e:
        connection.send((False, f"{e}: install it, or run in an environment that has it"))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=tuple(MINUTES), default="full")
    parser.add_argument("--only", metavar="NAME", help=f"comma-separated: {', '.join(NEEDS)}")
    parser.add_argument("--minutes", type=float, help="at most, in total. [default: full 8, tiny 3]")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(NEEDS)
    for name in names:
        if name not in NEEDS:
            parser.error(f"--only: there is no {name!r}. Known: {', '.join(NEEDS)}")
    minutes = options.minutes or MINUTES[options.size]
    end = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="memobench-gpu-") as folder:
        found, unmeasured = measure_all(names, options.size, Path(folder), end)
    if found:
        show(found)
    if unmeasured:
        print(f"not measured: {', '.join(unmeasured)}")
    return 0 if found else 1


def measure_all(
    names: Sequence[str], size: str, folder: Path, end: float
) -> tuple[list[Measured], list[str]]:
    """What was measured, and the names without a measurement. Prints lines that say why."""
    found: list[Measured] = []
    worker: Worker | None = None
    try:
        for number, name in enumerate(names):
            missing = [package for package in NEEDS[name] if importlib.util.find_spec(package) is None]
            if missing:
                print(f"{name}: left out, because {missing[0]} is not installed", flush=True)
                continue
            if worker is not None and name == "vllm":  # it must find the GPU's memory free
                worker.stop()
                worker = None
            left = end - time.monotonic()
            if worker is None and left > LEAST[size]:
                worker = Worker(size, folder, min(START, left))
                left = end - time.monotonic()
            if worker is None or left < LEAST[size]:
                print(f"{name}: left out, because only {max(0, left):.0f} s are left", flush=True)
                continue
            share = max(LEAST[size], left / (len(names) - number))
            measured, usable = worker.measure(Task(name, size, folder, time.monotonic() + share))
            found += measured
            if name == "vllm":
                worker.stop()
            worker = worker if usable and name != "vllm" else None
    except RuntimeError as e:
        print(f"{name}, and what follows: left out, because {e}", flush=True)
    finally:
        if worker is not None:
            worker.stop()
    return found, [name for name in names if not any(one.name == name for one in found)]


def show(found: Sequence[Measured]) -> None:
    """The table of all results."""
    print(
        f"\n{'':22} {'harness':>9} {'loop':>9} {'':12} {'ratio':>6} {'asking':>7} {'pairs':>6}  peak GPU memory"
    )
    for one in found:
        memory = "-" if one.memory is None else f"{one.memory[0]:.1f} GiB (loop {one.memory[1]:.1f})"
        print(
            f"{one.label:22} {one.harness:9.2f} {one.loop:9.2f} {one.unit:12} {one.ratio:6.2f} {one.asking:7.2f} "
            f"{one.pairs:6}  {memory}{'' if one.ratio >= GOAL else f'  below {GOAL}'}"
        )


if __name__ == "__main__":
    sys.exit(main())
