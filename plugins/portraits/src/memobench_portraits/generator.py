"""The generator `portraits`: portraits for the person and expression that a request describes."""

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
from memobench_portraits.pool import PortraitSpec, RenderPool, render
from memobench_portraits.prompt import DEFAULT_STRENGTH, constraints, parse_emotion

FIRST_SUBJECT = 1_000_000
"""First subject seed of generated people; none of them is in the data set (see `DATASET_SEEDS`)."""


class PortraitGenerator(Generator):
    """Generates the person and the expression that a request describes.

    Emotion and strength come from the request's fields, or else from its prompt. A prompt without an
    emotion gives a neutral face, one without a strength a strong expression. The person depends on the
    seed and on the age, gender, skin, hair, glasses and beard in attributes and prompt: the same seed
    with the same description is the same person.
    """

    class Options(HarnessOptions):
        size: int = option(384, "side of a portrait in pixels, if the request has no size", ge=64, le=2048)

    def identity(self) -> Mapping[str, str]:
        """The version, since portraits may look different in the next one."""
        return {"version": __version__}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        return (self._reply(request, render(self._spec(request))) for request in batch)

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """Replies in request order, rendered on all cores; byte-identical to `generate`.

        A failing request does not affect the others.
        """
        waiting: deque[tuple[ImageRequest, Future[ImageReply]]] = deque()
        with RenderPool() as pool:
            while waiting or not requests.exhausted:
                free = 2 * pool.width - len(waiting)
                for request in requests.ready(free, 0.0 if waiting else 0.5) if free else ():
                    waiting.append((request, pool.submit(self._generate_one, pool, request)))
                    free -= 1
                if waiting and (requests.exhausted or not free or waiting[0][1].done()):
                    yield _collect(*waiting.popleft())
                elif waiting:
                    wait([waiting[0][1]], 0.02)

    def _generate_one(self, pool: RenderPool, request: ImageRequest) -> ImageReply:
        return self._reply(request, pool.render_all([self._spec(request)])[0])

    def _spec(self, request: ImageRequest) -> PortraitSpec:
        emotion, strength = expression(request)
        width, height = request.size or (self.options.size, self.options.size)
        return PortraitSpec(subject(request), emotion, strength, max(width, height))

    def _reply(self, request: ImageRequest, picture: Image.Image) -> ImageReply:
        width, height = request.size or picture.size
        seed = subject(request).seed
        return ImageReply(request.id, image=_centre_crop(picture, width, height), extra={"subject": seed})


def _collect(request: ImageRequest, reply: Future[ImageReply]) -> ImageReply:
    try:
        return reply.result()
    except HarnessError:
        raise
    except Exception as error:  # like the default `stream`: one failure must not stop the other requests
        return ImageReply(request.id, outcome="error", error=ReplyError(type(error).__name__, str(error)))


def expression(request: ImageRequest) -> tuple[str, float]:
    """The requested emotion and its strength, 0 to 5."""
    emotion, strength = parse_emotion(request.prompt)
    if request.emotion is not None:
        emotion = request.emotion
    if request.intensity is not None:
        strength = request.intensity
    return emotion, DEFAULT_STRENGTH if strength is None else min(max(strength, 0.0), 5.0)


def subject(request: ImageRequest) -> Identity:
    """The person that a request describes."""
    fixed = constraints(request.prompt, request.attributes)
    text = "/".join([str(request.seed), *(f"{name}={fixed[name]}" for name in sorted(fixed))])
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=5).digest(), "big")
    return identity(FIRST_SUBJECT + number, **fixed)


def _centre_crop(picture: Image.Image, width: int, height: int) -> Image.Image:
    side = picture.width
    left, top = (side - width) // 2, (side - height) // 2
    return picture if width == height else picture.crop((left, top, left + width, top + height))
