"""Makes a study: copies the pictures, and fixes what is asked."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import RequestError, Sample, StorageError
from harness.people import Survey, SurveyQuestion, as_json, survey
from memobench_annotate.config import FILE
from memobench_annotate.store import FILE as DATABASE
from memobench_annotate.store import Store
from memobench_annotate.study import DATA, MANIFEST, QUESTIONS, TRAINING, new_secret
from memobench_annotate.tables import csv_text, toml_string

LONGEST_TITLE = 200
_COLUMNS = ("id", "image", "emotion", "intensity", "quality")
_TOML = """\
# A study with people. docs/annotate.md explains all keys; what is left out has its default.
title = {title}
tasks = {tasks}
data = {data}
language = "en"

# Ids of pictures whose answers are known beyond doubt: they check raters.
gold = []

[design]
answers = {answers}      # raters of each question
per_rater = {per_rater}    # questions of each rater
openings = 5      # discarded trials at the beginning of each session
training = {training}      # trials with feedback before the first session; their pictures were set aside
repeats = 0.07    # share of questions that are asked again, hidden
attention = 0.03  # share of trials that ask for a stated option
seed = {seed}

[sessions]
minutes = 30
rest_minutes = 10
break_every = 50

[access]
open = false      # true: anybody with ?rater=ID may take part
contact = ""      # whom raters can ask

# [widths]
# fine_intensity = 0.5   # wished width of the 95% interval of a picture's mean
"""


@dataclass(frozen=True)
class Built:
    """A study that was made."""

    data: str
    questions: Sequence[SurveyQuestion]
    """Those that are rated."""
    training: int
    """Pictures that are set aside for training."""
    notes: Sequence[str]


def build(
    out: Path,
    data: str,
    tasks: Sequence[str],
    *,
    title: str = "",
    limit: int | None = None,
    seed: int = 0,
    answers: int = 15,
    per_rater: int = 60,
    training: int = 4,
) -> Built:
    """Make a study in the new folder `out`. Raises `RequestError` if it exists, `BadData` where there is nothing to ask.

    Some pictures with known answers are set aside for training: nobody rates them. The others are a data set of their own,
    about which people are asked exactly what a judge is.
    """
    if os.path.lexists(out):
        raise RequestError(f"{str(out)!r} already exists.", "Choose a different --out.")
    if not tasks:
        raise RequestError("No task is named.", "For example: --task coarse_emotion,fine_intensity")
    asked = survey(tasks, data, limit=limit, seed=seed)
    named = title_of(title) if title else title_of(f"Emotion in {asked.data}"[:LONGEST_TITLE])
    kept = set_aside(asked, training, seed)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            _copy(asked, [s for s in asked.samples if s.id not in kept], aside / DATA)
            rated = survey(tasks, str(aside / DATA), seed=seed)
            trained: tuple[SurveyQuestion, ...] = ()
            if kept:
                _copy(asked, [s for s in asked.samples if s.id in kept], aside / TRAINING)
                trained = survey(tasks, str(aside / TRAINING), seed=seed).questions
            lines = "".join(f"{as_json(question)}\n" for question in (*rated.questions, *trained)).encode()
            (aside / QUESTIONS).write_bytes(lines)
            (aside / FILE).write_text(
                _TOML.format(
                    title=toml_string(named),
                    tasks=json.dumps(list(dict.fromkeys(q.task for q in rated.questions))),
                    data=toml_string(data),
                    answers=answers,
                    per_rater=per_rater,
                    training=training,
                    seed=seed,
                ),
                encoding="utf-8",
            )
            store = Store(aside / DATABASE, create=True)
            store.set_meta("questions", hashlib.sha256(lines).hexdigest())
            store.set_meta("training", json.dumps([question.id for question in trained]))
            store.set_meta("secret", new_secret())
            store.close()
            aside.chmod(0o700)
            aside.rename(out)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    except OSError as e:
        raise StorageError(
            f"{out} cannot be written: {e.strerror or e}.", "Choose a different --out, or free room."
        ) from e
    return Built(
        asked.data,
        rated.questions,
        len(kept),
        [*dict.fromkeys([*asked.notes, *rated.notes, *_left_out(asked, rated)])],
    )


def _left_out(asked: Survey, rated: Survey) -> list[str]:
    lost = dict.fromkeys(q.task for q in asked.questions if q.task not in {r.task for r in rated.questions})
    return [f"{task} has nothing to ask: the pictures are too few." for task in lost]


def title_of(text: str) -> str:
    """A title of a study. Raises `RequestError` for what cannot be one."""
    if not text.strip() or len(text) > LONGEST_TITLE or not text.isprintable():
        raise RequestError(
            f"{text[:40]!r} cannot be the title of a study.",
            f"Use 1 to {LONGEST_TITLE} characters that can be shown.",
        )
    return text.strip()


def set_aside(asked: Survey, most: int, seed: int) -> set[str]:
    """Ids of the samples for training: at most a fifth of all. Samples with the same picture are set aside together.

    They are pairs where pairs are compared, and otherwise `most` samples of every emotion in turn.
    """
    rng = random.Random(f"{seed}:training")
    room = min(most, len(asked.samples) // 5)
    digests = {picture.path: picture.digest for q in asked.questions for picture in q.pictures}
    same: dict[str, set[str]] = {}
    for sample in asked.samples:
        same.setdefault(digests[sample.path or ""], set()).add(sample.id)
    twins = {name: names for names in same.values() for name in names}
    pairs = [q for q in asked.questions if q.kind == "pair"]
    found: set[str] = set()
    for pair in rng.sample(pairs, len(pairs)):
        both = set().union(*(same[picture.digest] for picture in pair.pictures))
        if len(found | both) <= room:
            found |= both
    known = {q.sample_id: q.emotion for q in asked.questions if q.kind != "pair" and q.truth is not None}
    turns = Counter[str | None](known[name] for name in found if name in known)
    left = [name for name in rng.sample(sorted(known), len(known)) if name not in found]
    while left:
        name = min(left, key=lambda one: turns[known[one]])
        left.remove(name)
        if len(found | twins[name]) <= room:
            turns[known[name]] += 1
            found |= twins[name]
    return found


def _copy(asked: Survey, samples: Sequence[Sample], folder: Path) -> None:
    """Pictures, byte by byte, and their labels: a data set of its own."""
    columns = [*_COLUMNS, *dict.fromkeys(name for sample in samples for name in sample.attributes)]
    lines: list[list[str]] = [columns]
    for sample in samples:
        assert sample.path is not None, "only samples with a picture are asked about"
        target = folder / sample.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(asked.root / sample.path, target)
        own = (
            sample.id,
            sample.path,
            sample.emotion or "",
            _number(sample.intensity),
            _number(sample.quality),
        )
        row = {**sample.attributes, **dict(zip(_COLUMNS, own, strict=True))}
        lines.append([row.get(column, "") for column in columns])
    (folder / MANIFEST).write_text(csv_text(lines), encoding="utf-8", newline="")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"
