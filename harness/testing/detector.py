"""The contract of face detectors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from harness import Context, Detector, Face
from harness.testing.contract import ComponentContract, opened
from harness.testing.pictures import face_picture


def faces_in(detector: Detector, image: Image.Image) -> list[Face]:
    """The faces found, after a check of their types, boxes and order."""
    found = detector.detect(image)
    assert isinstance(found, list), f"detect returns {type(found).__name__} instead of a list of Face"
    for face in found:
        assert isinstance(face, Face), f"detect returns {type(face).__name__} instead of Face"
        numbers = (face.left, face.top, face.width, face.height, face.score)
        assert all(math.isfinite(number) for number in numbers), f"{face} holds what is no number"
        assert face.width >= 0, f"{face} has no width"
        assert face.height >= 0, f"{face} has no height"
        assert 0 <= face.score <= 1, f"{face}: score is not within 0 to 1"
    scores = [face.score for face in found]
    assert scores == sorted(scores, reverse=True), f"scores do not decrease: {scores!r:.100}"
    return found


class DetectorContract(ComponentContract):
    """Inherit and override `detector`; override `portrait` with a picture in which it finds a face."""

    @pytest.fixture
    def detector(self) -> Detector:
        """The detector under test, constructed but not opened."""
        pytest.fail("override the fixture `detector`")

    @pytest.fixture
    def component(self, detector: Detector) -> Detector:
        """The detector, for the tests that all kinds of component share."""
        return detector

    @pytest.fixture
    def portrait(self) -> Image.Image:
        """A picture with one face."""
        image = face_picture(1, 256).image
        assert image is not None, "a drawn picture has pixels"
        return image

    @pytest.fixture
    def opened(self, detector: Detector, context: Context) -> Iterator[Detector]:
        """The detector, opened for the test and closed afterwards."""
        opened(detector, context)
        try:
            yield detector
        finally:
            detector.close()

    def test_an_empty_picture_has_no_face(self, opened: Detector) -> None:
        """A uniform image of any shape contains no face.

        Fix: raise the threshold.
        """
        for size in ((64, 64), (300, 80)):
            found = faces_in(opened, Image.new("RGB", size, "grey"))
            assert not found, f"{len(found)} faces in a grey picture of {size[0]} x {size[1]} pixels"

    def test_a_face_is_found(self, opened: Detector, portrait: Image.Image) -> None:
        """A portrait contains a face.

        Fix: override the fixture `portrait` with a picture that fits the detector, if a drawn face does not.
        """
        assert faces_in(opened, portrait), "no face in the portrait"

    def test_a_picture_has_the_same_faces_again(self, opened: Detector, portrait: Image.Image) -> None:
        """The same picture has the same faces, and the same pixels afterwards.

        Fix: keep nothing from call to call; work on a copy.
        """
        before = portrait.tobytes()
        assert faces_in(opened, portrait) == faces_in(opened, portrait), "other faces in the same picture"
        assert portrait.tobytes() == before, "the picture has other pixels than before"

    def test_it_is_thread_safe(self, opened: Detector, portrait: Image.Image) -> None:
        """Several threads that detect at once find the same.

        Fix: keep nothing of a call in `self`, or hold a lock.
        """
        pictures = [portrait, Image.new("RGB", (90, 60), "grey")] * 8
        alone = [faces_in(opened, picture) for picture in pictures[:2]] * 8
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda picture: faces_in(opened, picture), pictures))
        assert together == alone, "other faces when four threads detect at once"

    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (4000, 4000)], ids=["tiny", "narrow", "huge"])
    def test_pictures_of_any_size(self, opened: Detector, size: tuple[int, int]) -> None:
        """A picture of any size is searched without an error.

        Fix: resize before the model sees it; return [] where nothing fits.
        """
        faces_in(opened, Image.new("RGB", size, "grey"))
