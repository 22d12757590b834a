"""The face detector on real faces, on pictures without faces, and against face-api's own results."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from memobench_fer.detector import TinyFace, _detect_once
from PIL import Image
from pydantic import ValidationError

from harness import Detector, Face


def side_by_side(*pictures: Image.Image) -> Image.Image:
    row = Image.new("RGB", (sum(p.width for p in pictures), max(p.height for p in pictures)))
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width
    return row


def contains(face: Face, x: float, y: float) -> bool:
    return face.left < x < face.left + face.width and face.top < y < face.top + face.height


def test_one_face_at_the_right_place(
    detector: TinyFace, astronaut: Image.Image, officer: Image.Image
) -> None:
    for picture, x, y in ((astronaut, 224, 130), (officer, 256, 240)):
        (face,) = detector.detect(picture)
        assert contains(face, x, y)
        assert 0.15 * picture.width < face.width < 0.6 * picture.width
        assert 0.5 < face.score <= 1


@pytest.mark.parametrize("side", [110, 150, 200, 300])
def test_faces_of_any_relative_size_are_found(detector: TinyFace, astronaut: Image.Image, side: int) -> None:
    left, top = 224 - side // 2, max(0, 130 - side // 2)
    (face,) = detector.detect(astronaut.crop((left, top, left + side, top + side)))
    assert contains(face, 224 - left, 130 - top)


def test_recall_on_real_faces(detector: TinyFace, small_faces: list[Image.Image]) -> None:
    counts = [len(detector.detect(picture)) for picture in small_faces]
    assert sum(n == 1 for n in counts) >= 90
    assert max(counts) == 1


def test_no_false_alarms(detector: TinyFace, no_faces: dict[str, Image.Image]) -> None:
    assert [name for name, picture in no_faces.items() if detector.detect(picture)] == []


@pytest.mark.parametrize("count", [2, 3, 4])
def test_several_faces_are_counted(detector: TinyFace, portrait: Image.Image, count: int) -> None:
    faces = detector.detect(side_by_side(*[portrait] * count))
    assert len(faces) == count
    assert sorted(int(f.left + f.width / 2) // portrait.width for f in faces) == list(range(count))
    assert [f.score for f in faces] == sorted((f.score for f in faces), reverse=True)


def test_small_faces_are_found_on_demand(detector: TinyFace, portrait: Image.Image) -> None:
    group = Image.new("RGB", (1000, 1000), (90, 110, 90))
    for left, top in ((40, 60), (420, 700), (720, 380)):
        group.paste(portrait, (left, top))
    close = TinyFace(TinyFace.Options(small_faces=True))
    close.open()
    assert len(detector.detect(group)) < len(close.detect(group)) <= 3


def test_detections_match_face_api(detector: TinyFace, astronaut: Image.Image) -> None:
    """Expected box and confidence come from face-api 1.7.15 at an input size of 160."""
    crop = astronaut.crop((130, 40, 290, 200))
    boxes, scores = _detect_once(detector._session, crop, 160, 0, 0.5)
    best = int(np.argmax(scores))
    left, top, right, bottom = boxes[best]
    assert scores[best] == pytest.approx(0.929669310791264, abs=1e-4)
    assert (left, top) == pytest.approx((24.56984727, 26.89751205), abs=0.01)
    assert (right - left, bottom - top) == pytest.approx((134.39720657, 129.23892173), abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (3000, 4), (2, 900), (5000, 4000), (20000, 30)])
def test_any_picture_size_is_accepted(detector: TinyFace, size: tuple[int, int]) -> None:
    assert detector.detect(Image.new("RGB", size, (200, 30, 30))) == []


def test_boxes_stay_inside_a_huge_picture(detector: TinyFace, portrait: Image.Image) -> None:
    (face,) = detector.detect(portrait.resize((4800, 4800)))
    (small,) = detector.detect(portrait)
    assert face.left >= 0
    assert face.left + face.width <= 4800
    assert face.left / 20 == pytest.approx(small.left, abs=portrait.width * 0.05)


def test_grey_and_transparent_pictures_are_accepted(detector: TinyFace, portrait: Image.Image) -> None:
    assert len(detector.detect(portrait.convert("L"))) == 1
    assert detector.detect(portrait.convert("RGBA")) == detector.detect(portrait)


def test_threads_share_one_detector(detector: TinyFace, astronaut: Image.Image, officer: Image.Image) -> None:
    pictures = [astronaut, officer] * 6
    alone = [detector.detect(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detector.detect, pictures)) == alone


def test_the_thread_count_does_not_change_boxes(detector: TinyFace, astronaut: Image.Image) -> None:
    wide = TinyFace(TinyFace.Options(threads=2))
    wide.open()
    assert wide.detect(astronaut) == detector.detect(astronaut)


def test_a_higher_threshold_keeps_fewer(detector: TinyFace, officer: Image.Image) -> None:
    strict = TinyFace(TinyFace.Options(threshold=0.99))
    strict.open()
    assert strict.detect(officer) == []
    assert len(detector.detect(officer)) == 1


def test_open_and_close_are_idempotent(astronaut: Image.Image) -> None:
    detector = TinyFace()
    assert isinstance(detector, Detector)
    detector.close()
    detector.open()
    detector.open()
    assert len(detector.detect(astronaut)) == 1
    detector.close()
    detector.close()
    with pytest.raises(RuntimeError, match="open"):
        detector.detect(astronaut)


@pytest.mark.parametrize("wrong", [{"threshold": 1.5}, {"threads": 0}, {"size": 320}])
def test_invalid_options_are_rejected(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TinyFace.Options(**wrong)
