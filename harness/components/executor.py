"""The executor interface: where a judge's work is done."""

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
        """Open the judge, yield its replies as they come, close it whatever happens."""


class LocalExecutor(Executor):
    """The judge runs in this process."""

    def run(self, judge: Judge, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Open the judge, stream, close."""
        try:
            judge.open()
            yield from judge.stream(requests)
        finally:
            judge.close()
