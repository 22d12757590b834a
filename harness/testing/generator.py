"""The contract of generators."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from PIL import Image

from harness import Context, Generator, ImageReply, ImageRequest, Listed
from harness.testing.contract import ComponentContract, in_a_fork, in_a_thread, opened
from harness.testing.questions import UNICODE

OUTCOMES = ("ok", "blocked", "blank", "error")


def replies_of(generator: Generator, requests: Sequence[ImageRequest]) -> dict[str, ImageReply]:
    """The replies of an opened generator by id, after a check of their types, ids and number."""
    replies = list(generator.stream(Listed(requests)))
    for reply in replies:
        assert isinstance(reply, ImageReply), f"it yields {type(reply).__name__} instead of an ImageReply"
    given, wanted = sorted(str(r.id) for r in replies), sorted(r.id for r in requests)
    assert given == wanted, f"{len(wanted)} requests, {len(given)} replies; ids {given!r:.150}"
    return {r.id: r for r in replies}


def pictures_of(generator: Generator, requests: Sequence[ImageRequest]) -> dict[str, Image.Image]:
    """The pictures by id; fails where a request has none."""
    found = {}
    for id_, reply in replies_of(generator, requests).items():
        error = f": {reply.error.kind}: {reply.error.message}" if reply.error else ""
        assert reply.outcome == "ok", f"no picture, outcome {reply.outcome!r}{error}"
        assert isinstance(reply.image, Image.Image), f"image is {type(reply.image).__name__}, not a PIL image"
        found[id_] = reply.image
    return found


def differs(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of two pictures, 0 to 255; 255 where their sizes differ."""
    if one.size != other.size:
        return 255
    pairs = zip(one.convert("RGB").tobytes(), other.convert("RGB").tobytes(), strict=True)
    return max((abs(a - b) for a, b in pairs), default=0)


class GeneratorContract(ComponentContract):
    """Inherit and override `generator`."""

    @pytest.fixture
    def generator(self) -> Generator:
        """The generator under test, constructed but not opened."""
        pytest.fail("override the fixture `generator`")

    @pytest.fixture
    def component(self, generator: Generator) -> Generator:
        """The generator, for the tests that all kinds of component share."""
        return generator

    @pytest.fixture
    def requests(self) -> list[ImageRequest]:
        """Requests for four portraits."""
        return [
            ImageRequest(
                f"{n:032x}",
                f"A portrait of a {e} person",
                emotion=e,
                intensity=None if e == "neutral" else 4.0,
                seed=n,
            )
            for n, e in enumerate(("happy", "sad", "angry", "neutral"))
        ]

    @pytest.fixture
    def opened(self, generator: Generator, context: Context) -> Iterator[Generator]:
        """The generator, opened for the test and closed afterwards."""
        opened(generator, context)
        try:
            yield generator
        finally:
            generator.close()

    def test_one_reply_for_each_request(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """Replies are matched by id; each has an image, or an outcome that explains its absence.

        Fix: yield one `ImageReply(request.id, image=...)` for each request; without a picture set `outcome` and `error`.
        """
        for reply in replies_of(opened, requests).values():
            assert reply.outcome in OUTCOMES, f"outcome is {reply.outcome!r}, none of {', '.join(OUTCOMES)}"
            assert (reply.image is not None) or reply.outcome != "ok", "outcome is 'ok' without a picture"
            try:
                json.dumps(dict(reply.extra), allow_nan=False)
            except (TypeError, ValueError) as e:
                pytest.fail(f"extra cannot be stored as JSON: {e}")

    def test_well_formed_requests_get_pictures(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """Plain prompts get pictures.

        Fix: see the error; `harness generate --traceback` shows where it is raised.
        """
        for picture in pictures_of(opened, requests).values():
            assert min(picture.size) > 0, "a picture has no pixels"

    def test_the_seed_determines_the_picture(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """Order and batch do not matter; pixels may differ by 1 of 255.

        Fix: seed each request by `request.seed` alone, not once for the batch.
        """
        first = replies_of(opened, requests)
        for request in requests[::-1]:
            image, other = first[request.id].image, replies_of(opened, [request])[request.id].image
            assert (image is None) == (other is None), "a picture the first time only"
            if image is not None and other is not None:
                assert differs(image, other) <= 1, (
                    f"another picture for the same prompt and seed {request.seed}"
                )

    def test_the_prompt_determines_the_picture(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """Different prompts give different pictures.

        Fix: use `request.prompt`.
        """
        same_seed = [replace(request, seed=7) for request in requests[:2]]
        one, other = pictures_of(opened, same_seed).values()
        assert differs(one, other) > 1, "the same picture for two prompts"

    def test_another_seed_gives_another_picture(
        self, opened: Generator, requests: list[ImageRequest]
    ) -> None:
        """Different seeds give different pictures of a prompt.

        Fix: use `request.seed`; declare a generator that cannot in `expected_failures`.
        """
        request = requests[0]
        two = [replace(request, seed=1), replace(request, id="a" * 32, index=1, seed=2)]
        one, other = pictures_of(opened, two).values()
        assert differs(one, other) > 1, "the same picture for two seeds"

    def test_a_size_is_kept_or_refused(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """A request with a size gets a picture of that size, or an error that says why not.

        Fix: pass `request.size` (width, height) on, or yield a reply with `error`.
        """
        (reply,) = replies_of(opened, [replace(requests[0], size=(256, 192))]).values()
        if reply.image is not None:
            assert reply.image.size == (256, 192), f"asked for 256 x 192 pixels, got {reply.image.size}"
        else:
            assert reply.error is not None, "no picture of 256 x 192 pixels, and no error that says why"

    def test_unicode_is_no_problem(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """Prompts of any script get a picture.

        Fix: encode prompts as UTF-8, wherever they go.
        """
        pictures_of(opened, [replace(requests[0], prompt=f"{UNICODE} {requests[0].prompt}")])

    def test_an_empty_batch_is_no_problem(self, opened: Generator) -> None:
        """No requests, no replies, no error.

        Fix: return early from `generate` or `stream` where there is nothing to do.
        """
        assert list(opened.stream(Listed([]))) == [], "it replies although nothing was asked"
        if type(opened).generate is not Generator.generate:
            assert list(opened.generate([])) == [], "it replies to an empty batch"

    def test_one_bad_request_fails_alone(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """A request that cannot be met gets a reply with `error`; those beside it get pictures.

        Fix: catch what one request raises and yield `ImageReply(request.id, outcome="error", error=ReplyError(...))`; a
        generator that makes one picture at a time may set `batch_size = 1` instead.
        """
        bad = replace(requests[1], id="b" * 32, size=(-1, -1))
        others = [requests[0], *requests[2:]]
        replies = replies_of(opened, [others[0], bad, *others[1:]])
        failed = [r for request in others if (r := replies[request.id]).error is not None]
        assert not failed, f"a request of -1 x -1 pixels fails {len(failed)} beside it: {failed[0].error}"

    def test_it_works_in_another_thread(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """A generator that was opened in one thread generates in another.

        Fix: bind nothing to the thread of `open`.
        """
        (here,) = pictures_of(opened, requests[:1]).values()
        (there,) = in_a_thread(lambda: pictures_of(opened, requests[:1])).values()
        assert differs(here, there) <= 1, "another picture in another thread"

    def test_it_works_after_a_fork(
        self, generator: Generator, requests: list[ImageRequest], context: Context
    ) -> None:
        """A generator that was made before a fork is opened and generates after it.

        Fix: start threads, clients and locks in `open`, not in `__init__` or at import.
        """

        def work() -> None:
            opened(generator, context)
            pictures_of(generator, requests[:1])
            generator.close()

        in_a_fork(work)
