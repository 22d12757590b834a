"""Cost of running on Ray, for the driver: one process that prepares pictures, sends them, and stores replies.

    python benchmarks/bench_ray.py [--pictures 7145] [--actors 64] [--requests 100000] [--only overhead|scale]

`overhead`: `harness run --model echo` on tiny pictures, in this process and on Ray with two actors on this machine, in turn. Prints
wall and processor seconds of the command alone (not of Ray's processes), the difference for each request, and its peak memory at n and
at 4 n pictures.

`scale`: many actors without a model, that take 50 ms for a batch of 16 requests, and the driver of the executor, fed with requests that
hold a small picture and drained as fast as it goes. Prints replies per second and processor time of the driver for each request. The
actors share the processors of this machine with the driver: `load` says how busy all were; `ideal` is what the actors could answer if
neither they nor the driver needed any processor. It is measured with one process for each actor, and with 16 actors in each
process, which leaves more of a small machine to the driver.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
HARNESS = str(Path(sys.executable).parent / "harness")
SECONDS, BATCH = 0.05, 16


def make_data(folder: Path, count: int) -> None:
    """Tiny pictures that all differ."""
    from PIL import Image

    folder.mkdir()
    rows = ["image,emotion"]
    for number in range(count):
        Image.new("RGB", (24, 16), (number % 256, number // 256 % 256, 40)).save(folder / f"{number:06}.png")
        rows.append(f"{number:06}.png,{('happy', 'sad', 'angry', 'worry')[number % 4]}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def command(folder: Path, data: str, *more: str) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak memory (MB) of one run, without the processes that it starts."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    log = folder / "usage"
    code = (
        "import sys, resource, harness.cli.main as m\n"
        "try: m.main(sys.argv[2:])\n"
        "finally:\n"
        "    u = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    open(sys.argv[1], 'w').write(f'{u.ru_utime + u.ru_stime} {u.ru_maxrss / 1000}')\n"
    )
    asked = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run", *more)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code, str(log), *asked], cwd=folder, check=True, capture_output=True
    )
    used, memory = map(float, log.read_text().split())
    return time.perf_counter() - began, used, memory


def overhead(count: int, rounds: int) -> None:
    """The command in this process and on Ray."""
    ray = ("--executor", "ray", "--executor-option", "replicas=2")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_data(folder / "few", 24)
        make_data(folder / "many", count)
        make_data(folder / "more", 4 * count)
        empty_here, empty_ray = command(folder, "few"), command(folder, "few", *ray)
        print(
            f"start   local: {empty_here[1]:.2f} s   ray: {empty_ray[1]:.2f} s of processor, {empty_ray[0]:.1f} s wall"
        )
        for _ in range(rounds):
            here, there = command(folder, "many"), command(folder, "many", *ray)
            for name, (wall, used, memory) in (("local", here), ("ray", there)):
                print(
                    f"{name:6} {count} requests: {wall:6.1f} s wall {used:6.1f} s processor {memory:6.0f} MB"
                )
            more = (there[1] - empty_ray[1]) - (here[1] - empty_here[1])
            longer = (there[0] - empty_ray[0]) - (here[0] - empty_here[0])
            print(
                f"  a request on Ray costs the driver {1000 * more / count:+.3f} ms of processor, {1000 * longer / count:+.3f} ms wall"
            )
        *_, memory = command(folder, "more", *ray)
        print(f"ray    {4 * count} requests: {memory:.0f} MB")


def scale(actors: int, count: int, each: int) -> None:
    """Many actors that only wait, `each` of them in one process."""
    from memobench_ray.executor import RayExecutor
    from PIL import Image

    from harness import Judge, JudgeReply, JudgeRequest, Listed, Message, Part, Picture, Question, Work

    class Fake(Judge):
        batch_size = BATCH * each

        def judge(self, batch: Any) -> Iterable[JudgeReply]:
            time.sleep(SECONDS)
            return [JudgeReply(r.id, text="happy", finish_reason="stop") for r in batch]

    image = Image.new("RGB", (24, 16), (9, 9, 9))
    question = Question("choice", ("happy", "sad"))
    messages = (Message("user", (Part(image=0), Part("Which emotion? happy, sad"))),)

    def requests() -> Iterator[JudgeRequest]:
        for number in range(count):
            picture = Picture(f"{number:064x}", image)
            yield JudgeRequest(f"{number:032x}", f"s{number}", (picture,), messages, question)

    executor = RayExecutor(
        RayExecutor.Options(replicas=actors // each, num_cpus=0.01, window=4 * BATCH * each)
    )
    # Replies are counted once all actors answer: starting 64 processes on few processors takes longer than the rest.
    asked, first = Listed(requests()), count // 10
    wall = used = seconds = spent = 0.0
    began = time.perf_counter()
    for done, _ in enumerate(executor.run(Work(Fake()), asked), 1):
        if done == first:
            wall, used = time.perf_counter(), time.process_time()
            print(
                f"{actors} actors in {actors // each} processes; the first {first} replies took {wall - began:.1f} s, starting included",
                flush=True,
            )
        if done == count:  # before the processes are ended
            seconds, spent = time.perf_counter() - wall, time.process_time() - used
    rest = count - first
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        f"{rest} replies in {seconds:.1f} s: {rest / seconds:.0f} a second; ideal {actors * BATCH / SECONDS:.0f}"
    )
    print(
        f"driver: {1e6 * spent / rest:.0f} us of processor a request, {100 * spent / seconds:.0f}% of one core, peak {peak:.0f} MB"
    )
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=7145)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--actors", type=int, default=64)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument(
        "--each", type=int, default=16, help="actors in one process, in the second measurement"
    )
    parser.add_argument("--only", choices=["overhead", "scale"])
    given = parser.parse_args()
    if given.only != "scale":
        overhead(given.pictures, given.rounds)
    if given.only != "overhead":
        scale(given.actors, given.requests, 1)
        scale(given.actors, given.requests, given.each)


if __name__ == "__main__":
    main()
