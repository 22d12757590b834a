"""The face detector interface: how many faces a portrait shows, and where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from harness.components.base import Configured
from harness.types import Face

if TYPE_CHECKING:
    from PIL.Image import Image


class Detector(Configured, ABC):
    """Finds faces. Used to record whether a drawn portrait shows none, one or several; must be thread-safe."""

    @abstractmethod
    def detect(self, image: Image) -> list[Face]:
        """All faces in an RGB picture, the most certain first; empty when there are none."""
