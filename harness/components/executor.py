"""The executor interface: runs a judge over requests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from harness.components.base import Configured
from harness.components.judge import Judge
from harness.components.sources import RequestSource
from harness.types import JudgeReply, JudgeRequest


class Executor(Configured, ABC):
    """Runs a judge over requests, in this process or elsewhere."""

    @abstractmethod
    def run(self, judge: Judge, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Open the judge, yield its replies as they arrive, and always close it."""


class LocalExecutor(Executor):
    """Runs the judge in this process."""

    def run(self, judge: Judge, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        try:
            judge.open()
            yield from judge.stream(requests)
        finally:
            judge.close()
