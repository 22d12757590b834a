"""The conformance kit: test classes for a plugin and for its components of each kind, to inherit from.

    from harness.testing import JudgeContract

    class TestMine(JudgeContract):
        @pytest.fixture
        def judge(self):
            return Mine(Mine.Options(device="cpu"))

Tests that a component cannot pass, or whose result varies, are declared with the reason:

        expected_failures = {"test_answers_do_not_depend_on_the_batch": "dynamic batching rounds differently"}
        not_run = {"test_pictures_of_any_size[huge]": "takes minutes on a CPU"}

Requires pytest: `pip install 'memobench[testing]'`. The kit uses public names of `harness`.
"""

from __future__ import annotations

from harness import Listed
from harness.testing.contract import ComponentContract, Contract
from harness.testing.dataset import DataSetContract
from harness.testing.detector import DetectorContract
from harness.testing.executor import ExecutorContract
from harness.testing.exporter import ExporterContract
from harness.testing.generator import GeneratorContract
from harness.testing.importer import ImporterContract
from harness.testing.judge import JudgeContract
from harness.testing.metric import MetricContract
from harness.testing.pictures import face_picture
from harness.testing.plugin import PluginContract
from harness.testing.questions import Branch, asked, faces
from harness.testing.reporter import ReporterContract
from harness.testing.runs import faces_folder
from harness.testing.subcommand import CommandContract

__all__ = [
    "Branch",
    "CommandContract",
    "ComponentContract",
    "Contract",
    "DataSetContract",
    "DetectorContract",
    "ExecutorContract",
    "ExporterContract",
    "GeneratorContract",
    "ImporterContract",
    "JudgeContract",
    "Listed",
    "MetricContract",
    "PluginContract",
    "ReporterContract",
    "asked",
    "face_picture",
    "faces",
    "faces_folder",
]
