"""The face detector interface: finds the faces in a portrait."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from harness.components.base import Configured
from harness.types import Face

if TYPE_CHECKING:
    from PIL.Image import Image


class Detector(Configured, ABC):
    """Detects faces. Used to record whether a generated portrait shows none, one or several; must be thread-safe."""

    @abstractmethod
    def detect(self, image: Image) -> list[Face]:
        """All faces in an RGB image, in order of decreasing confidence; empty if there are none."""
