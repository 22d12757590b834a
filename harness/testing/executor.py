"""The contract of executors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import (
    Executor,
    HarnessOptions,
    Judge,
    JudgeReply,
    JudgeRequest,
    Listed,
    RequestSource,
    Work,
    option,
)
from harness.testing.contract import ComponentContract
from harness.testing.questions import BRANCHES, asked, faces


class Witness(Judge):
    """Answers with the first option, and leaves files that say what was done to it. It can be pickled."""

    class Options(HarnessOptions):
        folder: str = option("", "where the files are left")
        fails: str = option("", "where it raises: open, stream or close")

    def _did(self, what: str) -> None:
        (Path(self.options.folder) / what).touch()
        if self.options.fails == what:
            raise RuntimeError(f"{what} fails, as the test wants")

    def open(self) -> None:
        """Leave a file."""
        self._did("open")

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """One reply, then an error if that is wanted, then the others."""
        for n, request in enumerate(requests):
            if n == 1:
                self._did("stream")
            yield JudgeReply(request.id, text=request.question.options[0])

    def close(self) -> None:
        """Leave a file."""
        self._did("close")


class ExecutorContract(ComponentContract):
    """Inherit and override `executor`. It runs a small judge, an object that can be pickled, without a specification."""

    @pytest.fixture
    def executor(self) -> Executor:
        """The executor under test."""
        pytest.fail("override the fixture `executor`")

    @pytest.fixture
    def component(self, executor: Executor) -> Executor:
        """The executor, for the tests that all kinds of component share."""
        return executor

    def work(self, folder: Path, fails: str = "") -> Work:
        """The judge to run; it leaves the files `open`, `stream` and `close` in the folder."""
        return Work(Witness(Witness.Options(folder=str(folder), fails=fails)))

    @pytest.fixture
    def requests(self) -> list[JudgeRequest]:
        """Four requests."""
        return asked(Witness(), BRANCHES[0].question, faces(4))

    def test_replies_are_those_of_the_judge(
        self, executor: Executor, requests: list[JudgeRequest], tmp_path: Path
    ) -> None:
        """Every request has the reply of the judge, which is opened before and closed afterwards.

        Fix: `work.open()`, `yield from work.stream(requests)`, and `work.close()` in a `finally`.
        """
        replies: list[Any] = list(executor.run(self.work(tmp_path), Listed(requests)))
        assert {r.id: r.text for r in replies} == {r.id: r.question.options[0] for r in requests}, (
            f"{len(requests)} requests, {len(replies)} replies, or other ones than the judge gives"
        )
        assert len(replies) == len(requests), f"{len(requests)} requests, {len(replies)} replies"
        assert (tmp_path / "open").exists(), "the judge was not opened"
        assert (tmp_path / "close").exists(), "the judge was not closed"

    def test_nothing_to_do(self, executor: Executor, tmp_path: Path) -> None:
        """No requests, no replies, no error.

        Fix: do not wait for a first request.
        """
        assert list(executor.run(self.work(tmp_path), Listed([]))) == [], (
            "it replies although nothing was asked"
        )
        assert (tmp_path / "close").exists(), "the judge was not closed"

    def test_an_error_of_open_is_raised(
        self, executor: Executor, requests: list[JudgeRequest], tmp_path: Path
    ) -> None:
        """What the judge raises when it is opened ends the attempt.

        Fix: let errors pass; the run tells the user.
        """
        with pytest.raises(Exception, match="open fails"):
            list(executor.run(self.work(tmp_path, "open"), Listed(requests)))

    def test_replies_before_an_error_are_kept(
        self, executor: Executor, requests: list[JudgeRequest], tmp_path: Path
    ) -> None:
        """Where the judge raises, the replies that it gave arrive first, and it is closed.

        Fix: yield replies as they arrive instead of collecting them; close in a `finally`.
        """
        replies: list[Any] = []
        arriving = executor.run(self.work(tmp_path, "stream"), Listed(requests))
        with pytest.raises(Exception, match="stream fails"):
            replies.extend(arriving)
        assert len(replies) == 1, f"{len(replies)} replies arrived instead of the one before the error"
        assert (tmp_path / "close").exists(), "the judge was not closed"

    def test_an_error_of_close_costs_no_reply(
        self, executor: Executor, requests: list[JudgeRequest], tmp_path: Path
    ) -> None:
        """Where the judge cannot be closed, its replies are kept.

        Fix: call `work.close()`, which notes the error, instead of `work.component.close()`.
        """
        work = self.work(tmp_path, "close")
        assert len(list(executor.run(work, Listed(requests)))) == len(requests), "replies are lost"

    def test_it_ends_when_nobody_listens(
        self, executor: Executor, requests: list[JudgeRequest], tmp_path: Path
    ) -> None:
        """A run that stops early closes the judge.

        Fix: close in a `finally` around `yield`.
        """
        replies = executor.run(self.work(tmp_path), Listed(requests))
        next(iter(replies))
        close = getattr(replies, "close", None)
        assert close is not None, "run returns what cannot be closed: write it as a generator"
        close()
        assert (tmp_path / "close").exists(), "the judge was not closed"
