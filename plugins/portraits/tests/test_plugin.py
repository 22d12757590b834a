"""The entry module registers both components and imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

from memobench_portraits import plugin
from memobench_portraits.dataset import PortraitDataSet
from memobench_portraits.generator import PortraitGenerator


def test_components_load_their_classes() -> None:
    assert [c.load() for c in plugin.harness_generators()] == [PortraitGenerator]
    assert [c.load() for c in plugin.harness_datasets()] == [PortraitDataSet]


def test_the_entry_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, memobench_portraits.plugin;"
        "print([m for m in ('PIL', 'resvg_py', 'pydantic', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
