"""The pictures that nano learns from: portraits of people whom nobody else draws, scaled as its picture processor does."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from memobench_portraits.expression import EMOTIONS
from memobench_portraits.generator import FIRST_SUBJECT
from memobench_portraits.identity import identity
from memobench_portraits.workshop import Order, Workshop
from PIL import Image

TRAINING_SUBJECTS = FIRST_SUBJECT + 2**41
"""People nano learns from have subject seeds from here on. The data set's lie below `FIRST_SUBJECT`, the generator's
below `FIRST_SUBJECT` + 2**40: neither ever shows one of them."""

DRAWN = 192
"""Side in pixels at which portraits are drawn: half the data set's, at half the cost, and still above what nano sees."""
EACH = 10
"""Pictures of one person: a neutral one, and nine different pairs of an emotion and a strength."""

SHOWN = tuple(e for e in EMOTIONS if e != "neutral")


@dataclass(frozen=True)
class Pictures:
    """Pictures and what they show."""

    pixels: npt.NDArray[np.uint8]
    """(n, side, side, 3)"""
    emotion: npt.NDArray[np.int64]
    """(n,): index into `EMOTIONS`"""
    strength: npt.NDArray[np.int64]
    """(n,): 1 to 5; 0 for neutral"""

    def part(self, start: int, stop: int) -> Pictures:
        """Those from ``start`` to before ``stop``."""
        return Pictures(self.pixels[start:stop], self.emotion[start:stop], self.strength[start:stop])


def faces(person: int) -> list[tuple[str, int]]:
    """The emotions and strengths that a person is drawn with; strength 0 for neutral."""
    pairs = [(emotion, strength) for emotion in SHOWN for strength in range(1, 6)]
    return [*random.Random(person).sample(pairs, EACH - 1), ("neutral", 0)]


def drawn(people: int, side: int, cache: Path) -> Pictures:
    """``EACH`` pictures of each of ``people``, scaled to ``side`` pixels; kept in ``cache`` and taken from there."""
    wanted = [face for person in range(people) for face in faces(person)]
    file = cache / f"portraits-{people}x{EACH}-{DRAWN}-{side}.npy"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        _draw(people, side, file)
    return Pictures(
        np.load(file, mmap_mode="r"),
        np.array([EMOTIONS.index(emotion) for emotion, _ in wanted]),
        np.array([strength for _, strength in wanted]),
    )


def _draw(people: int, side: int, file: Path) -> None:
    aside = file.with_suffix(".part")
    pixels = np.lib.format.open_memmap(aside, "w+", np.uint8, (people * EACH, side, side, 3))
    began = time.time()
    with Workshop() as workshop:
        waiting = []
        for person in range(people):
            who = identity(TRAINING_SUBJECTS + person)
            orders = [Order(who, emotion, strength, DRAWN) for emotion, strength in faces(person)]
            waiting.append((person, workshop.later(workshop.drawn, orders)))
        for person, pictures in waiting:
            for n, picture in enumerate(pictures.result()):
                pixels[person * EACH + n] = scaled(picture, side)
            if person % 100 == 99:
                print(f"drew {person + 1} of {people} people in {time.time() - began:.0f} s", flush=True)
    pixels.flush()
    aside.rename(file)


def scaled(picture: Image.Image, side: int) -> npt.NDArray[np.uint8]:
    """A square picture at ``side`` x ``side`` pixels, by the processor's filter."""
    return np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC))
