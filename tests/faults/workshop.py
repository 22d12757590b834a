"""Runs of every kind, damaged: every command that reads them says what is wrong, and does nothing worse."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from faults.calls import ALLOWED, Tried, call
from faults.damage import OUTSIDE, damage
from helpers import data

GATE = frozenset({0, 1, 2, 3, 4})


@dataclass
class Workshop:
    """Whole runs of each kind, and the commands that made them."""

    root: Path
    runs: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path) -> Workshop:
        """Make the runs below `root`, which is the working directory."""
        made = cls(root)
        (root / OUTSIDE).mkdir()
        (root / OUTSIDE / "file").write_text('{"id": "1"}\n')
        data.make(root / "faces", 12)
        judge = ["run", "--model", "echo", "-o", "accuracy=0.7", "--data", "faces", "--repeats", "2"]
        made.run("judge", *judge, "--task", "coarse_emotion,fine_intensity")
        made.run("limited", *judge, "--task", "nuance_confusable", "--limit", "7")
        made.run("scored", "run", "--model", "fer", "--data", "faces", "--task", "coarse_emotion")
        made.run("failing", *judge, "--task", "coarse_emotion", "-o", "fail_every=3")
        two = ["--judge", "echo", "--judge", "fer"]
        few = ["--model", "echo", "-o", "size=64", "--limit", "4"]
        made.run("generator", "run", "--task", "t2i_emotion", *few, *two)
        made.run("drawn", "generate", "--prompts", "emotion_600", *few)
        call("gate", "--bless", "runs/judge", "--baseline", "runs/baseline").expect(0)
        made.runs["baseline"] = []
        shutil.copytree(root / "runs", root / "whole")
        return made

    def run(self, name: str, *arguments: str) -> None:
        command = [*arguments, "--out", f"runs/{name}"]
        call(*command).expect(0, 3)
        self.runs[name] = command

    def commands(self, name: str) -> Iterator[tuple[list[str], Collection[int]]]:
        """The commands that read the run of this name, with the exit codes that they may end with."""
        run = f"runs/{name}"
        if name == "baseline":
            yield ["gate", "--baseline", run, "whole/judge"], GATE
            yield ["gate", "--self-test", "--baseline", run], GATE
        else:
            yield ["gate", "--baseline", "whole/baseline", run], GATE
            yield ["gate", "--bless", run, "--baseline", "runs/blessed"], ALLOWED
        yield ["list", "runs"], ALLOWED
        yield ["list", "runs", "--json"], ALLOWED
        yield ["verify", run], ALLOWED
        yield ["verify", run, "--json"], ALLOWED
        yield ["show", run], ALLOWED
        yield ["show", run, "--full"], ALLOWED
        yield ["show", run, "--json"], ALLOWED
        yield ["show", run, "--samples"], ALLOWED
        yield ["show", run, "--samples", "--failed", "--json"], ALLOWED
        yield ["compare", run, "whole/judge"], ALLOWED
        yield ["compare", "whole/judge", run, "--format", "markdown"], ALLOWED
        for form in ("csv", "jsonl", "parquet", "every-eval-ever"):
            yield ["export", run, "--format", form, "--out", f"out/{form}", "--force"], ALLOWED
        yield ["export", run, "--format", "csv"], ALLOWED
        yield ["report", run, "whole/judge", "--out", "out/report.html"], ALLOWED
        yield ["leaderboard", "runs"], ALLOWED
        for kind in ("ladder", "confusion", "groups"):
            yield ["plot", run, "--kind", kind, "--out", f"out/{kind}.svg"], ALLOWED
        yield ["cite", run], ALLOWED
        if name == "drawn":
            judge = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", run]
            yield [*judge, "--out", "runs/of"], ALLOWED
        if self.runs[name]:
            yield self.runs[name], ALLOWED
        yield ["score", run], ALLOWED
        yield ["score", run, "--group-by", "emotion", "--strict"], ALLOWED
        yield ["show", run], ALLOWED

    def restore(self, name: str) -> None:
        """Put the whole runs back."""
        shutil.rmtree("runs", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        os.makedirs("out")
        shutil.copytree(self.root / "whole" / name, self.root / "runs" / name)

    def untouched(self) -> list[Path]:
        """The folders that no command may change."""
        return [self.root / name for name in (OUTSIDE, "whole", "faces")]


def try_one(workshop: Workshop, seed: int) -> Tried:
    """Damage one folder and run every command on it."""
    rng = random.Random(seed)
    name = rng.choice(sorted(workshop.runs))
    workshop.restore(name)
    tried = Tried(f"{name}, seed {seed}", damage(Path("runs") / name, rng))
    for arguments, codes in workshop.commands(name):
        tried.command(arguments, codes, workshop.untouched())
    return tried
