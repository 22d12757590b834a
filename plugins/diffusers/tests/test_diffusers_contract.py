"""The generator contract on a real pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Generator
from harness.testing import GeneratorContract, PluginContract

pytestmark = pytest.mark.e2e


class TestSd15(GeneratorContract):
    @pytest.fixture
    def generator(self, tiny: Callable[..., Path], make: Callable[..., Any]) -> Generator:
        generator: Generator = make(tiny("sd-1.5"))
        return generator


class TestPlugin(PluginContract):
    dist = "memobench-plugin-diffusers"
