"""Conformance tests for judges, generators and detectors: test classes to inherit from.

    from harness.testing import JudgeContract

    class TestMine(JudgeContract):
        @pytest.fixture
        def judge(self):
            return Mine(Mine.Options(device="cpu"))

Tests that a component cannot pass are declared, with the reason:

        expected_failures = {"test_answers_do_not_depend_on_the_batch": "dynamic batching rounds differently"}

Requires pytest. This module uses only public names of `harness`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest
from PIL import Image, ImageDraw

from harness import (
    EMOTIONS,
    Capability,
    Detector,
    Generator,
    ImageReply,
    ImageRequest,
    Judge,
    JudgeReply,
    JudgeRequest,
    Listed,
    Message,
    Part,
    Picture,
    Question,
    Sampling,
)


def face_picture(number: int, side: int = 128) -> Picture:
    """A simple drawing of a face; different numbers give different pictures."""
    image = Image.new("RGB", (side, side), (200, 210, 220 - number % 50))
    canvas = ImageDraw.Draw(image)
    canvas.ellipse((side // 5, side // 8, 4 * side // 5, 7 * side // 8), fill=(230, 190, 160 + number % 40))
    for x in (2 * side // 5, 3 * side // 5):
        canvas.ellipse((x - 6, side // 2 - 16, x + 6, side // 2 - 8), fill="black")
    canvas.arc(
        (2 * side // 5, side // 2, 3 * side // 5, 3 * side // 4),
        20,
        160 + number % 20,
        fill="darkred",
        width=3,
    )
    return Picture(f"{number:064x}", image=image)


class _Contract:
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Test name -> why this component cannot pass the test."""

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        reason = self.expected_failures.get(request.node.originalname or request.node.name)
        if reason:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


class JudgeContract(_Contract):
    """Inherit and override `judge`; override `requests` if the judge needs different questions."""

    @pytest.fixture
    def judge(self) -> Judge:
        """The judge under test, constructed but not opened."""
        pytest.fail("override the fixture `judge`")

    @pytest.fixture
    def requests(self, judge: Judge) -> list[JudgeRequest]:
        """Five questions about five pictures that the judge can answer."""
        supported = judge.capabilities
        mode = (
            "logprobs"
            if Capability.LOGPROBS in supported
            else "choice"
            if Capability.CHOICE in supported
            else "text"
        )
        question = Question("choice", EMOTIONS, answer_mode=mode, target="emotion")  # type: ignore[arg-type]
        messages = (Message("user", (Part(image=0), Part("Which emotion? " + ", ".join(EMOTIONS)))),)
        return [
            JudgeRequest(
                f"{n:032x}",
                f"s{n}",
                (face_picture(n),),
                messages,
                question,
                Sampling(seed=n),
                truth=EMOTIONS[n % 6] if Capability.ORACLE in supported else None,
            )
            for n in range(5)
        ]

    @pytest.fixture
    def opened(self, judge: Judge) -> Iterator[Judge]:
        """The judge, opened for the test and closed afterwards."""
        judge.open()
        try:
            yield judge
        finally:
            judge.close()

    def test_capabilities_are_declared(self, judge: Judge) -> None:
        """Capabilities are known before the judge is opened."""
        assert judge.capabilities
        assert all(isinstance(c, Capability) for c in judge.capabilities)
        assert judge.takes in ("pixels", "bytes")

    def test_identity_is_known_before_weights_load(self, judge: Judge) -> None:
        """The identity consists of strings and is stable."""
        identity = dict(judge.identity())
        assert identity == dict(judge.identity())
        assert all(isinstance(k, str) and isinstance(v, str) for k, v in identity.items())

    def test_one_reply_for_each_request(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """Replies are matched by id, in any order; each request gets exactly one."""
        replies = list(opened.stream(Listed(requests)))
        assert all(isinstance(r, JudgeReply) for r in replies)
        assert sorted(r.id for r in replies) == sorted(r.id for r in requests)

    def test_replies_can_be_stored(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """Replies contain only JSON values, and an answer or an error; what was served is a few short texts."""
        for reply in opened.stream(Listed(requests)):
            if reply.error is None:
                served = dict(reply.served or {})
                assert len(served) <= 10
                assert all(
                    isinstance(part, str) and len(part) <= 200 for item in served.items() for part in item
                )
                json.dumps(
                    [reply.text, reply.rating, dict(reply.scores or {}), dict(reply.extra)], allow_nan=False
                )
                assert reply.text is not None or reply.scores is not None or reply.rating is not None
            else:
                assert reply.error.kind
                assert reply.error.message

    def test_answers_do_not_depend_on_the_batch(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """A request has the same answer alone and in any order."""
        together = {r.id: r for r in opened.stream(Listed(requests))}
        backwards = {r.id: r for r in opened.stream(Listed(requests[::-1]))}
        alone = {r.id: r for request in requests for r in opened.stream(Listed([request]))}
        for id_, reply in together.items():
            _assert_same_answer(reply, backwards[id_])
            _assert_same_answer(reply, alone[id_])

    def test_closing_twice_is_harmless(self, judge: Judge) -> None:
        """`close` may be called twice, and without `open`."""
        judge.close()
        judge.open()
        judge.close()
        judge.close()


def _assert_same_answer(one: JudgeReply, other: JudgeReply) -> None:
    """Compare answers; scores may differ by rounding, which depends on the batch."""
    assert (one.text, one.rating, one.error and one.error.kind) == (
        other.text,
        other.rating,
        other.error and other.error.kind,
    )
    first, second = dict(one.scores or {}), dict(other.scores or {})
    assert first == pytest.approx(second, abs=1e-3)


class GeneratorContract(_Contract):
    """Inherit and override `generator`."""

    @pytest.fixture
    def generator(self) -> Generator:
        """The generator under test, constructed but not opened."""
        pytest.fail("override the fixture `generator`")

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
    def opened(self, generator: Generator) -> Iterator[Generator]:
        """The generator, opened for the test and closed afterwards."""
        generator.open()
        try:
            yield generator
        finally:
            generator.close()

    def test_one_reply_for_each_request(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """Replies are matched by id; each has an image, or an outcome that explains its absence."""
        replies = list(opened.generate(requests))
        assert sorted(r.id for r in replies) == sorted(r.id for r in requests)
        for reply in replies:
            assert isinstance(reply, ImageReply)
            assert reply.outcome in ("ok", "blocked", "blank", "error")
            assert (reply.image is not None) or reply.outcome != "ok"
            json.dumps(dict(reply.extra), allow_nan=False)

    def test_the_seed_determines_the_picture(self, opened: Generator, requests: list[ImageRequest]) -> None:
        """Order and batch do not matter; pixels may differ by 1 of 255."""
        first = {r.id: r.image for r in opened.generate(requests)}
        again = {r.id: r.image for request in requests[::-1] for r in opened.generate([request])}
        for id_, image in first.items():
            other = again[id_]
            assert (image is None) == (other is None)
            if image is not None and other is not None:
                assert image.size == other.size
                pairs = zip(image.convert("RGB").tobytes(), other.convert("RGB").tobytes(), strict=True)
                assert max(abs(a - b) for a, b in pairs) <= 1

    def test_identity_is_known_before_weights_load(self, generator: Generator) -> None:
        """The identity consists of strings and is stable."""
        assert dict(generator.identity()) == dict(generator.identity())
        assert all(isinstance(v, str) for v in generator.identity().values())

    def test_closing_twice_is_harmless(self, generator: Generator) -> None:
        """`close` may be called twice, and without `open`."""
        generator.close()
        generator.open()
        generator.close()
        generator.close()


class DetectorContract(_Contract):
    """Inherit and override `detector`."""

    @pytest.fixture
    def detector(self) -> Detector:
        """The detector under test, constructed but not opened."""
        pytest.fail("override the fixture `detector`")

    def test_an_empty_picture_has_no_face(self, detector: Detector) -> None:
        """A uniform image of any shape contains no face."""
        detector.open()
        try:
            assert all(
                detector.detect(Image.new("RGB", size, "grey")) == [] for size in ((64, 64), (300, 80))
            )
        finally:
            detector.close()

    def test_closing_twice_is_harmless(self, detector: Detector) -> None:
        """`close` may be called twice, and without `open`."""
        detector.close()
        detector.open()
        detector.close()
        detector.close()
