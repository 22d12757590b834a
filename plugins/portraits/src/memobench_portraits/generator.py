"""The generator `portraits`."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait

from PIL import Image

from harness import (
    Generator,
    HarnessError,
    HarnessOptions,
    ImageReply,
    ImageRequest,
    ReplyError,
    RequestSource,
    option,
)
from memobench_portraits import __version__
from memobench_portraits.identity import Identity, identity
from memobench_portraits.prompt import DEFAULT_STRENGTH, constraints, read_emotion
from memobench_portraits.workshop import Order, Workshop, draw

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
            384, "side of a portrait in pixels, where the request gives no size", ge=64, le=2048
        )

    def identity(self) -> Mapping[str, str]:
        """The version: portraits may look different in the next."""
        return {"version": __version__}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        """One portrait for each request, as it is reached."""
        return (self._reply(request, draw(self._order(request))) for request in batch)

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """One portrait for each request, in order, drawn on all cores; the same bytes as `generate` gives.

        A request that cannot be drawn fails alone.
        """
        waiting: deque[tuple[ImageRequest, Future[ImageReply]]] = deque()
        with Workshop() as workshop:
            while waiting or not requests.exhausted:
                free = 2 * workshop.width - len(waiting)
                for request in requests.ready(free, 0.0 if waiting else 0.5) if free else ():
                    waiting.append((request, workshop.later(self._drawn, workshop, request)))
                    free -= 1
                if waiting and (requests.exhausted or not free or waiting[0][1].done()):
                    yield _finished(*waiting.popleft())
                elif waiting:
                    wait([waiting[0][1]], 0.02)

    def _drawn(self, workshop: Workshop, request: ImageRequest) -> ImageReply:
        return self._reply(request, workshop.drawn([self._order(request)])[0])

    def _order(self, request: ImageRequest) -> Order:
        emotion, strength = asked(request)
        width, height = request.size or (self.options.size, self.options.size)
        return Order(subject(request), emotion, strength, max(width, height))

    def _reply(self, request: ImageRequest, picture: Image.Image) -> ImageReply:
        width, height = request.size or picture.size
        seed = subject(request).seed
        return ImageReply(request.id, image=_cropped(picture, width, height), extra={"subject": seed})


def _finished(request: ImageRequest, reply: Future[ImageReply]) -> ImageReply:
    try:
        return reply.result()
    except HarnessError:
        raise
    except Exception as error:  # as with the default `stream`: whatever fails, the others must not suffer
        return ImageReply(request.id, outcome="error", error=ReplyError(type(error).__name__, str(error)))


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
