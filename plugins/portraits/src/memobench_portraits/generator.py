"""The generator `portraits`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from PIL import Image

from harness import Generator, HarnessOptions, ImageReply, ImageRequest, option
from memobench_portraits import __version__
from memobench_portraits.identity import Identity, identity
from memobench_portraits.prompt import DEFAULT_STRENGTH, constraints, read_emotion
from memobench_portraits.render import portrait

FIRST_SUBJECT = 1_000_000
"""Generated people have subject seeds from here on: none of them is in the data set (see `DATASET_SEEDS`)."""


class PortraitGenerator(Generator):
    """Draws the person and the expression that a request asks for.

    Emotion and strength are the request's own, or are read from its prompt; a prompt that names no
    emotion gives a neutral face, one that says no strength a strong expression. The person follows
    from the request's seed and from what attributes and prompt say of age, gender, skin, hair,
    glasses and beard: the same seed with the same description is the same person.
    """

    class Options(HarnessOptions):
        """How large portraits are."""

        size: int = option(
            512, "side of a portrait in pixels, where the request gives no size", ge=64, le=2048
        )

    def identity(self) -> Mapping[str, str]:
        """The version: portraits may look different in the next."""
        return {"version": __version__}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        """One portrait for each request, as it is reached."""
        for request in batch:
            emotion, strength = asked(request)
            who = subject(request)
            width, height = request.size or (self.options.size, self.options.size)
            picture = portrait(who, emotion, strength, max(width, height))
            yield ImageReply(request.id, image=_cropped(picture, width, height), extra={"subject": who.seed})


def asked(request: ImageRequest) -> tuple[str, float]:
    """The emotion to draw and its strength, 0 to 5."""
    emotion, strength = read_emotion(request.prompt)
    if request.emotion is not None:
        emotion = request.emotion
    if request.intensity is not None:
        strength = request.intensity
    return emotion, DEFAULT_STRENGTH if strength is None else min(max(strength, 0.0), 5.0)


def subject(request: ImageRequest) -> Identity:
    """The person to draw."""
    fixed = constraints(request.prompt, request.attributes)
    text = "/".join([str(request.seed), *(f"{name}={fixed[name]}" for name in sorted(fixed))])
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=5).digest(), "big")
    return identity(FIRST_SUBJECT + number, **fixed)


def _cropped(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of a square picture."""
    side = picture.width
    left, top = (side - width) // 2, (side - height) // 2
    return picture if width == height else picture.crop((left, top, left + width, top + height))
