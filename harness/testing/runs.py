"""Small finished runs for tests of components that read one: reporters and exporters."""

from __future__ import annotations

import atexit
import csv
import functools
import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from harness import EMOTIONS, Generator, ImageReply, ImageRequest, Judge, JudgeReply, JudgeRequest, ReplyError
from harness.testing.pictures import face_picture

ODD = 'Ωμέγα, "quoted"; <b>|pipe|</b> =1+1'
"""Text that formats must escape: quotes, separators, markup, a formula."""


class SomeJudge(Judge):
    """Answers by the digest of the picture; fails on one in eight, and says what cannot be parsed to another."""

    batch_size: int = 1

    def identity(self) -> dict[str, str]:
        """The version of its rule."""
        return {"rule": "1"}

    def judge(self, batch: Sequence[JudgeRequest]) -> list[JudgeReply]:
        """One word for each request."""
        return [self._reply(request) for request in batch]

    def _reply(self, request: JudgeRequest) -> JudgeReply:
        number = int(hashlib.sha256(request.images[0].digest.encode()).hexdigest(), 16)
        if number % 8 == 0:
            return JudgeReply(request.id, error=ReplyError("refused", ODD))
        options = request.question.options
        return JudgeReply(request.id, text=ODD if number % 8 == 1 else options[number // 8 % len(options)])


class SomeGenerator(Generator):
    """Draws a face by the seed."""

    batch_size: int = 1
    tags: ClassVar[tuple[str, ...]] = ()

    def identity(self) -> dict[str, str]:
        """The version of its rule."""
        return {"rule": "1"}

    def generate(self, batch: Sequence[ImageRequest]) -> list[ImageReply]:
        """One face for each request."""
        return [ImageReply(r.id, image=face_picture(r.seed % 40, 64).image) for r in batch]


def faces_folder(folder: Path, n: int = 24) -> Path:
    """A data folder of `n` drawn portraits of six people, with every emotion and a few odd texts."""
    (folder / "faces").mkdir(parents=True)
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "id", "emotion", "intensity", "subject", "remark"])
        for i in range(n):
            image = face_picture(i, 48).image
            assert image is not None, "a drawn picture has pixels"
            image.save(folder / "faces" / f"{i}.png")
            emotion = EMOTIONS[i % len(EMOTIONS)]
            strength = "" if emotion == "neutral" else 1 + i // 6 % 5
            writer.writerow([f"faces/{i}.png", f"s{i}", emotion, strength, f"person {i // 6}", ODD])
    return folder


def judge_run(folder: Path) -> Any:
    """The result of a run of a judge on drawn portraits: two tasks, with failed and unparsed answers."""
    from harness import evaluate

    data = faces_folder(folder / "portraits")
    return evaluate(
        ["coarse_emotion", "coarse_polarity"], SomeJudge(), data=str(data), out=folder / "run", progress=False
    )


def generator_run(folder: Path) -> Any:
    """The result of a run of a generator, read by a judge."""
    from harness import evaluate

    return evaluate(
        "t2i_emotion", SomeGenerator(), judge=SomeJudge(), limit=12, out=folder / "generated", progress=False
    )


@functools.cache
def finished_runs() -> Mapping[str, Any]:
    """A run of a judge and one of a generator, made once for each process and deleted at its end."""
    folder = Path(tempfile.mkdtemp(prefix="memobench-runs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {"judge": judge_run(folder), "generator": generator_run(folder)}
