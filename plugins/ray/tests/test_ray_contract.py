from __future__ import annotations

import pytest
from memobench_ray.executor import RayExecutor

from harness import Executor
from harness.testing import ExecutorContract, PluginContract

pytestmark = pytest.mark.e2e


@pytest.mark.usefixtures("cluster")
class TestRay(ExecutorContract):
    @pytest.fixture
    def executor(self) -> Executor:
        # The contract counts the replies before an error: those of one process.
        return RayExecutor(RayExecutor.Options(replicas=1))


class TestPlugin(PluginContract):
    dist = "memobench-plugin-ray"
