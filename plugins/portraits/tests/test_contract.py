"""The conformance kit on the plugin, its generator and its data set."""

from __future__ import annotations

import pytest
from memobench_portraits.dataset import PortraitDataSet
from memobench_portraits.generator import PortraitGenerator

from harness import DataSet, Generator
from harness.testing import DataSetContract, GeneratorContract, PluginContract


class TestPlugin(PluginContract):
    dist = "memobench-plugin-portraits"


class TestGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self) -> Generator:
        return PortraitGenerator(PortraitGenerator.Options(size=128))


@pytest.mark.usefixtures("drawn")
class TestDataSet(DataSetContract):
    @pytest.fixture
    def dataset(self) -> DataSet:
        return PortraitDataSet()
