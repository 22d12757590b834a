"""Training pictures: portraits of people reserved for training, resized like the image processor does."""

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
from memobench_portraits.pool import PortraitSpec, RenderPool
from PIL import Image

TRAINING_SUBJECTS = FIRST_SUBJECT + 2**41
"""First subject seed of the training people. The data set uses seeds below `FIRST_SUBJECT`, the generator seeds below
`FIRST_SUBJECT` + 2**40, so neither ever shows one of them."""

RENDER_SIZE = 192
"""Side in pixels at which portraits are rendered: half the data set's, at half the cost, and above nano's input size."""
PICTURES_PER_PERSON = 10
"""Pictures per person: one neutral, and nine different pairs of emotion and strength."""

EMOTIONAL = tuple(e for e in EMOTIONS if e != "neutral")


@dataclass(frozen=True)
class Pictures:
    """Pictures with their labels."""

    pixels: npt.NDArray[np.uint8]
    """(n, side, side, 3)"""
    emotion: npt.NDArray[np.int64]
    """(n,): index into `EMOTIONS`"""
    strength: npt.NDArray[np.int64]
    """(n,): 1 to 5; 0 for neutral"""

    def part(self, start: int, stop: int) -> Pictures:
        return Pictures(self.pixels[start:stop], self.emotion[start:stop], self.strength[start:stop])


def expressions(person: int) -> list[tuple[str, int]]:
    """The emotions and strengths rendered for a person; strength 0 for neutral."""
    pairs = [(emotion, strength) for emotion in EMOTIONAL for strength in range(1, 6)]
    return [*random.Random(person).sample(pairs, PICTURES_PER_PERSON - 1), ("neutral", 0)]


def load_pictures(people: int, side: int, cache: Path) -> Pictures:
    """``PICTURES_PER_PERSON`` pictures of each of ``people`` at ``side`` pixels, cached in the folder ``cache``."""
    labels = [label for person in range(people) for label in expressions(person)]
    file = cache / f"portraits-{people}x{PICTURES_PER_PERSON}-{RENDER_SIZE}-{side}.npy"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        _render_all(people, side, file)
    return Pictures(
        np.load(file, mmap_mode="r"),
        np.array([EMOTIONS.index(emotion) for emotion, _ in labels]),
        np.array([strength for _, strength in labels]),
    )


def _render_all(people: int, side: int, file: Path) -> None:
    partial = file.with_suffix(".part")
    pixels = np.lib.format.open_memmap(partial, "w+", np.uint8, (people * PICTURES_PER_PERSON, side, side, 3))
    began = time.time()
    with RenderPool() as pool:
        waiting = []
        for person in range(people):
            who = identity(TRAINING_SUBJECTS + person)
            specs = [
                PortraitSpec(who, emotion, strength, RENDER_SIZE) for emotion, strength in expressions(person)
            ]
            waiting.append((person, pool.submit(pool.render_all, specs)))
        for person, pictures in waiting:
            for n, picture in enumerate(pictures.result()):
                pixels[person * PICTURES_PER_PERSON + n] = resize(picture, side)
            if person % 100 == 99:
                print(f"drew {person + 1} of {people} people in {time.time() - began:.0f} s", flush=True)
    pixels.flush()
    partial.rename(file)


def resize(picture: Image.Image, side: int) -> npt.NDArray[np.uint8]:
    """Resize a square picture with the image processor's filter."""
    return np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC))
