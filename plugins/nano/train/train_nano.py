"""Trains nano from scratch: draws its pictures, runs both training phases, and writes the model folder.

    python train_nano.py --out ../src/memobench_nano/weights --log ../src/memobench_nano/weights/training.log

The same seed gives the same weights on the same CPU type with the same versions and number of threads.
"""

from __future__ import annotations

import argparse
import math
import platform
import random
import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers
from instruction_tuning import train_answers
from memobench_portraits import __version__ as portraits_version
from metrics import evaluate
from pictures import PICTURES_PER_PERSON, load_pictures
from questions import Question, load_questions
from vision_pretraining import action_unit_targets, initialise, train_vision_tower

from harness.testing.models import Shape, Tower, llava, save

SHAPE = Shape(image=80, patch=16, vision=Tower(192, 3, 32), text=Tower(128, 2, 64), resize=112)
BATCH = 32
PEOPLE, HELD_OUT = 2400, 60
"""Number of people, and how many of them are held out for evaluation."""


def cpu_seconds() -> float:
    """CPU time of this process and its finished child processes."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


class Log:
    """Writes lines with the CPU time so far to the terminal and a file."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._began = path, cpu_seconds()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", encoding="utf-8")

    def __call__(self, line: str) -> None:
        text = f"[{cpu_seconds() - self._began:6.0f} s] {line}"
        print(text, flush=True)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")


class Optimiser:
    """AdamW with warm-up and cosine decay to a hundredth of the rate; logs the mean loss periodically."""

    def __init__(self, steps: int, rate: float, log: Log, every: int = 250) -> None:
        self._steps, self._rate, self._log, self._every = steps, rate, log, every
        self._optimiser: torch.optim.Optimizer | None = None
        self._sum = 0.0

    def __call__(self, step: int, loss: torch.Tensor, parameters: Iterable[Any]) -> None:
        """Take one step. A parameter group may scale the learning rate with ``lr_scale``."""
        if self._optimiser is None:
            self._optimiser = torch.optim.AdamW(
                parameters, lr=self._rate, weight_decay=0.05, betas=(0.9, 0.98)
            )
        rate = (
            self._rate * min(1.0, (step + 1) / 100) * (0.505 + 0.495 * math.cos(math.pi * step / self._steps))
        )
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)
        self._optimiser.zero_grad()
        loss.backward()
        all_parameters = [p for group in self._optimiser.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(all_parameters, 1.0)
        self._optimiser.step()
        self._sum += float(loss.detach())
        if (step + 1) % self._every == 0:
            self._log(f"  step {step + 1} of {self._steps}, loss {self._sum / self._every:.3f}")
            self._sum = 0.0


def format_metrics(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in found.items())


def train(arguments: argparse.Namespace, log: Log) -> None:
    log(
        f"nano: seed {arguments.seed}, {arguments.threads} threads; torch {torch.__version__}, transformers "
        f"{transformers.__version__}, Python {platform.python_version()}, portraits {portraits_version}"
    )
    pictures = load_pictures(PEOPLE, SHAPE.resize, arguments.cache)
    log(f"{len(pictures.emotion)} pictures of {PEOPLE} people are drawn; the time from here on is training")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    n_train = (PEOPLE - HELD_OUT) * PICTURES_PER_PERSON
    training, held_out = pictures.part(0, n_train), pictures.part(n_train, PEOPLE * PICTURES_PER_PERSON)
    model, processor = llava(SHAPE, seed=arguments.seed, spread=0.02)
    model.train()
    log(
        f"{sum(p.numel() for p in model.parameters()):,} parameters; {n_train} pictures to learn from, "
        f"{len(held_out.emotion)} of {HELD_OUT} other people to check on; batches of {BATCH}"
    )
    began = time.time()
    tower = model.model.vision_tower
    initialise(tower, training, SHAPE)
    optimiser = Optimiser(arguments.see, 1e-3, log)
    train_vision_tower(
        tower, training, action_unit_targets(PEOPLE), SHAPE.image, arguments.see, BATCH, optimiser
    )
    questions: list[Question] = load_questions(processor, SHAPE.tokens)
    log("sees; learns to answer: " + ", ".join(q.name for q in questions))
    optimiser = Optimiser(arguments.answer, 1.5e-3, log)
    train_answers(
        model,
        training,
        questions,
        SHAPE.image,
        arguments.answer,
        BATCH,
        random.Random(arguments.seed),
        optimiser,
    )
    log("people not learnt from: " + format_metrics(evaluate(model, held_out, questions, SHAPE.image)))
    save(model.to(torch.bfloat16).eval(), processor, arguments.out)
    log(f"written in {time.time() - began:.0f} s of wall time since the pictures were drawn")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--log", type=Path, help="file for the log")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "memobench-nano",
        help="cache folder for pictures",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--see", type=int, default=2400, help="steps of vision pretraining")
    parser.add_argument("--answer", type=int, default=1500, help="steps of instruction tuning")
    chosen = parser.parse_args()
    train(chosen, Log(chosen.log))
