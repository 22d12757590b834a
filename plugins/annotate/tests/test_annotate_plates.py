"""The colour plates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from memobench_annotate import plates

_LINEAR_TO_LMS_LIKE = {
    1: ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    2: ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
"""Plate -> what people see for whom its colours are alike: matrices of Machado et al. (2009), severity 1, of linear sRGB."""
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)


def _lab(linear: Any) -> Any:
    xyz = np.clip(np.asarray(_TO_XYZ) @ linear / (0.95047, 1, 1.08883), 1e-6, None)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("index", [1, 2])
def test_colours_of_plates_are_alike_for_those_whom_they_test(index: int) -> None:
    seen, alike = [], []
    for colour in plates.COLOURS[index]:
        share = np.asarray(colour) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        seen.append(_lab(linear))
        alike.append(_lab(np.clip(np.asarray(_LINEAR_TO_LMS_LIKE[index]) @ linear, 0, 1)))
    assert np.linalg.norm(seen[0] - seen[1]) > 90
    assert abs(seen[0][0] - seen[1][0]) < 6
    assert np.linalg.norm(alike[0] - alike[1]) < 4


def test_plates_show_their_digit() -> None:
    for index in range(3):
        for number in "2345678":
            groups = plates.plate(index, number)
            dots = [dot for group in groups for dot in group.dots]
            assert 200 < len(dots) < 600
            figure = {plates.shaded(plates.COLOURS[index][0], factor) for factor in plates.SHADES}
            inside = [dot for group in groups if group.fill in figure for dot in group.dots]
            assert 0.1 < len(inside) / len(dots) < 0.4
            assert all(x * x + y * y < 100**2 for x, y, _ in dots)
    assert len({plates.numbers(seed) for seed in range(50)}) > 20
