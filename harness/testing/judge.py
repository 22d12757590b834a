"""The contract of judges."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from harness import (
    EMOTIONS,
    Capability,
    Context,
    Judge,
    JudgeReply,
    JudgeRequest,
    Listed,
    Picture,
    Question,
    Sampling,
)
from harness.parsing import Unparsed, read_choice, read_pair
from harness.testing.contract import ComponentContract, in_a_fork, in_a_thread, opened
from harness.testing.pictures import as_taken, broken, plain_picture
from harness.testing.questions import BRANCHES, UNICODE, Branch, asked, faces, words

TINY, HUGE = (1, 1), (4000, 4000)


def reply_problem(reply: JudgeReply, question: Question) -> str:
    """What is wrong with an answer to a question; "" if nothing is."""
    if reply.error is not None:
        return f"it fails: {reply.error.kind}: {reply.error.message}"
    mode = question.answer_mode
    if mode == "logprobs":
        return _scores_problem(reply.scores, question)
    if mode == "rating":
        return _rating_problem(reply.rating, question)
    if not isinstance(reply.text, str) or not reply.text.strip():
        return f"text is {reply.text!r:.80}: an answer in the mode {mode!r} is a text"
    if mode == "choice" and isinstance(read := read_answer(reply.text, question), Unparsed):
        return f"text is {reply.text!r:.80}, which is none of {', '.join(question.options)}: {read.reason}"
    return ""


def read_answer(text: str, question: Question) -> object:
    """What the core reads in a reply, or `Unparsed`."""
    if question.kind == "pair":
        return read_pair(text, options=question.options, labels=question.labels)
    return read_choice(text, question.options, labels=question.labels)


def _scores_problem(scores: object, question: Question) -> str:
    if not isinstance(scores, Mapping):
        return f"scores is {type(scores).__name__}: in the mode 'logprobs' it maps each option to its log-probability"
    missing, added = set(question.options) - set(scores), set(scores) - set(question.options)
    if missing or added:
        what = (
            f"lacks {sorted(missing)}" if missing else f"has {sorted(map(str, added))}, which were no options"
        )
        return f"scores {what}"
    numbers = [
        value for value in scores.values() if isinstance(value, (int, float)) and not math.isnan(value)
    ]
    if len(numbers) < len(scores) or math.inf in numbers:
        return f"scores holds what is no log-probability: {dict(scores)!r:.200}"
    return "" if max(numbers) > -math.inf else "scores gives no option any probability"


def _rating_problem(rating: object, question: Question) -> str:
    if isinstance(rating, bool) or not isinstance(rating, (int, float)) or not math.isfinite(rating):
        return f"rating is {rating!r:.80}: in the mode 'rating' it is a number"
    scale = question.scale
    if scale is not None and not scale.low <= rating <= scale.high:
        return f"rating is {rating}, outside the scale {scale.low:g} to {scale.high:g}"
    return ""


def replies_of(judge: Judge, requests: Sequence[JudgeRequest]) -> dict[str, JudgeReply]:
    """The replies of an opened judge by id, after a check of their types, ids and number."""
    replies = list(judge.stream(Listed(requests)))
    for reply in replies:
        assert isinstance(reply, JudgeReply), f"it yields {type(reply).__name__} instead of a JudgeReply"
    given, wanted = sorted(str(r.id) for r in replies), sorted(r.id for r in requests)
    assert given == wanted, _difference(given, wanted)
    return {r.id: r for r in replies}


def _difference(given: Sequence[str], wanted: Sequence[str]) -> str:
    unknown = [i for i in given if i not in wanted]
    missing = [i for i in wanted if i not in given]
    twice = sorted({i for i in given if given.count(i) > 1})
    parts = [f"{len(wanted)} requests, {len(given)} replies"]
    parts += [f"no reply to {missing[0]!r}"] if missing else []
    parts += [f"a reply to {unknown[0]!r:.60}, which nobody asked"] if unknown else []
    parts += [f"{twice[0]!r:.60} is answered twice"] if twice else []
    return "; ".join(parts)


def assert_answered(replies: Mapping[str, JudgeReply], requests: Sequence[JudgeRequest]) -> None:
    """Every request has an answer that fits its question."""
    for n, request in enumerate(requests):
        problem = reply_problem(replies[request.id], request.question)
        assert not problem, f"request {n + 1} of {len(requests)} ({request.question.answer_mode}): {problem}"


class JudgeContract(ComponentContract):
    """Inherit and override `judge`; override `requests` and `prompt` if the judge needs different questions."""

    branches: ClassVar[Sequence[Branch]] = BRANCHES
    """The kinds of question that are asked, as far as the judge's capabilities say that it can answer them."""

    @pytest.fixture
    def judge(self) -> Judge:
        """The judge under test, constructed but not opened."""
        pytest.fail("override the fixture `judge`")

    @pytest.fixture
    def component(self, judge: Judge) -> Judge:
        """The judge, for the tests that all kinds of component share."""
        return judge

    def prompt(self, question: Question) -> str:
        """The text of a question; its options follow it in any case that needs them."""
        return words(question)

    @pytest.fixture
    def requests(self, judge: Judge) -> list[JudgeRequest]:
        """Five questions about five pictures that the judge can answer."""
        known = judge.capabilities
        mode = next((m for m in ("logprobs", "choice", "text") if Capability(m) in known), "text")
        question = Question("choice", EMOTIONS, answer_mode=mode, target="emotion")  # type: ignore[arg-type]
        return asked(judge, question, faces(5), self.prompt(question), shared=True)

    @pytest.fixture
    def opened(self, judge: Judge, context: Context) -> Iterator[Judge]:
        """The judge, opened for the test and closed afterwards."""
        opened(judge, context)
        try:
            yield judge
        finally:
            judge.close()

    def test_capabilities_are_declared(self, judge: Judge) -> None:
        """Capabilities are known before the judge is opened, and say how it answers.

        Fix: `capabilities = frozenset({Capability.CHOICE})`, or what it can do; `takes` is "pixels" or "bytes".
        """
        known = judge.capabilities
        wrong = [c for c in known if not isinstance(c, Capability)]
        assert not wrong, f"capabilities holds {wrong[0]!r}, which is no harness.Capability"
        modes = {Capability.TEXT, Capability.CHOICE, Capability.RATING, Capability.LOGPROBS}
        assert modes & set(known), "capabilities names no way to answer: TEXT, CHOICE, RATING or LOGPROBS"
        assert judge.takes in ("pixels", "bytes"), f"takes is {judge.takes!r}, not 'pixels' or 'bytes'"

    def test_one_reply_for_each_request(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """Replies are matched by id, in any order; each request gets exactly one.

        Fix: yield one `JudgeReply(request.id, ...)` for each request of the batch, and nothing else.
        """
        replies_of(opened, requests)

    def test_well_formed_requests_are_answered(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """The judge answers plain questions about plain pictures without an error.

        Fix: see the error; `harness run --traceback` shows where it is raised.
        """
        assert_answered(replies_of(opened, requests), requests)

    def test_pictures_stay_as_they_are(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """The pixels of a request are not changed: all requests about one picture share them.

        Fix: work on a copy (`picture.image.copy()`) before `thumbnail`, `paste`, `putalpha` or a drawing on it.
        """
        images = [p.image for request in requests for p in request.images if p.image is not None]
        before = [(image.size, image.mode, image.tobytes()) for image in images]
        replies_of(opened, requests)
        changed = [n for n, i in enumerate(images) if (i.size, i.mode, i.tobytes()) != before[n]]
        assert not changed, f"picture {changed[0] + 1} of {len(images)} is another one after it was answered"

    @pytest.mark.parametrize("branch", BRANCHES, ids=[branch.name for branch in BRANCHES])
    def test_every_capability_is_answered(self, opened: Judge, branch: Branch) -> None:
        """Each kind of question that the capabilities promise is answered in the field that its mode asks for.

        Fix: fill in `text`, `scores` (exactly the options) or `rating` as `question.answer_mode` says; take a capability
        away that the judge lacks; say in `cannot_answer` which questions it cannot answer.
        """
        if branch not in self.branches:
            pytest.skip("not among the branches of this contract")
        if not branch.needs <= set(opened.capabilities):
            pytest.skip("not among the judge's capabilities")
        reason = opened.cannot_answer(branch.question)
        if reason:
            pytest.skip(f"the judge says: {reason}")
        requests = asked(opened, branch.question, faces(3), self.prompt(branch.question))
        assert_answered(replies_of(opened, requests), requests)

    def test_some_kind_of_question_can_be_answered(self, judge: Judge) -> None:
        """`cannot_answer` does not refuse every question.

        Fix: return "" from `cannot_answer` for a question that the judge can answer.
        """
        able = [b for b in self.branches if b.needs <= set(judge.capabilities)]
        reasons = [judge.cannot_answer(b.question) for b in able]
        assert all(isinstance(reason, str) for reason in reasons), "cannot_answer returns what is no text"
        assert not all(reasons), (
            f"it refuses every kind of question: {reasons[0] if reasons else 'none fits'}"
        )

    def test_replies_can_be_stored(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """Replies contain only JSON values, and an answer or an error; what was served is a few short texts.

        Fix: convert numbers of numpy or torch with `float(...)`; keep `served` to ten texts of 200 characters.
        """
        for reply in replies_of(opened, requests).values():
            if reply.error is not None:
                assert reply.error.kind, "an error has no kind"
                assert reply.error.message, "an error has no message"
                continue
            served = dict(reply.served or {})
            parts = [part for item in served.items() for part in item]
            assert len(served) <= 10, f"served has {len(served)} entries"
            assert all(isinstance(part, str) and len(part) <= 200 for part in parts), (
                "served holds no short texts"
            )
            fields = [reply.text, reply.rating, dict(reply.scores or {}), dict(reply.extra)]
            try:
                json.dumps([*fields, dict(reply.usage or {}), dict(reply.timings or {})], allow_nan=False)
            except (TypeError, ValueError) as e:
                pytest.fail(f"a reply cannot be stored as JSON: {e}")
            given = (reply.text, reply.scores, reply.rating)
            assert any(value is not None for value in given), "a reply has neither an answer nor an error"

    def test_answers_do_not_depend_on_the_batch(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """A request has the same answer alone and in any order.

        Fix: keep nothing of one request for the next; seed by `request.sampling.seed`, not by position.
        """
        together = replies_of(opened, requests)
        backwards = replies_of(opened, requests[::-1])
        for request in requests:
            alone = replies_of(opened, [request])[request.id]
            _assert_same_answer(together[request.id], backwards[request.id], "in reverse order")
            _assert_same_answer(together[request.id], alone, "alone")

    def test_temperature_0_is_deterministic(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """The same request at temperature 0 has the same answer again.

        Fix: decode greedily at temperature 0, and answer from nothing that changes (time, counters, random numbers).
        """
        cold = [replace(r, sampling=replace(r.sampling, temperature=0.0)) for r in requests]
        first, again = replies_of(opened, cold), replies_of(opened, cold)
        for id_, reply in first.items():
            _assert_same_answer(reply, again[id_], "asked again")

    def test_the_seed_determines_the_answer(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """The same request at temperature 1 with the same seed has the same answer again.

        Fix: seed the sampling of each request by `request.sampling.seed`.
        """
        warm = [replace(r, sampling=Sampling(temperature=1.0, seed=n)) for n, r in enumerate(requests)]
        first, again = replies_of(opened, warm), replies_of(opened, warm)
        for id_, reply in first.items():
            _assert_same_answer(reply, again[id_], "asked again with the same seed")

    def test_an_empty_batch_is_no_problem(self, opened: Judge) -> None:
        """No requests, no replies, no error.

        Fix: return early from `judge` or `stream` where there is nothing to answer.
        """
        assert list(opened.stream(Listed([]))) == [], "it replies although nothing was asked"
        if type(opened).judge is not Judge.judge:
            assert list(opened.judge([])) == [], "it replies to an empty batch"

    def test_one_bad_request_fails_alone(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """A request that cannot be answered gets a reply with `error`; those beside it are answered.

        Fix: catch what one request raises and yield `JudgeReply(request.id, error=ReplyError(...))`; a judge that answers
        one request at a time may set `batch_size = 1` instead.
        """
        images = tuple(broken(picture) for picture in requests[1].images)
        bad = replace(requests[1], id="b" * 32, images=images)
        replies = replies_of(opened, [requests[0], bad, *requests[2:]])
        others = [requests[0], *requests[2:]]
        failed = [reply for request in others if (reply := replies[request.id]).error is not None]
        alone = replies_of(opened, others)
        assert all(alone[r.id].error is not None for r in failed), (
            f"a broken picture fails {len(failed)} requests beside it: {failed[0].error}"
        )

    def test_unicode_is_no_problem(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """Prompts of any script are answered.

        Fix: encode prompts as UTF-8, wherever they go.
        """
        request = requests[0]
        messages = tuple(
            replace(m, parts=tuple(replace(p, text=f"{UNICODE} {p.text}") if p.text else p for p in m.parts))
            for m in request.messages
        )
        unusual = replace(request, id="c" * 32, messages=messages)
        assert_answered(replies_of(opened, [unusual]), [unusual])

    @pytest.mark.parametrize("size", [TINY, HUGE], ids=["tiny", "huge"])
    def test_pictures_of_any_size(
        self, opened: Judge, requests: list[JudgeRequest], size: tuple[int, int]
    ) -> None:
        """A picture of 1 x 1 or of 4000 x 4000 pixels is answered, or fails with a reason, and harms no other.

        Fix: resize before the model sees it, or yield a reply with `error`.
        """
        picture = as_taken(plain_picture(size), opened.takes)
        odd = replace(requests[0], id="d" * 32, images=tuple(picture for _ in requests[0].images))
        replies = replies_of(opened, [odd, *requests[1:3]])
        error = replies[odd.id].error
        if error is None:
            assert_answered(replies, [odd])
        else:
            assert error.message, f"it fails with {error.kind}, and says nothing"
        for request in requests[1:3]:
            problem = reply_problem(replies[request.id], request.question)
            assert not problem, f"beside a picture of {size[0]} x {size[1]} pixels: {problem}"

    def test_pictures_are_left_as_they_are(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """The judge changes no picture: other questions share it.

        Fix: work on `image.copy()`, or on what `resize` and `convert` return.
        """
        before = [_content(picture) for request in requests for picture in request.images]
        replies_of(opened, requests)
        after = [_content(picture) for request in requests for picture in request.images]
        assert before == after, "a picture has other pixels than before"

    def test_it_works_in_another_thread(self, opened: Judge, requests: list[JudgeRequest]) -> None:
        """A judge that was opened in one thread answers in another.

        Fix: bind nothing to the thread of `open` (sqlite3 connections, thread locals, event loops).
        """
        here = replies_of(opened, requests)
        there = in_a_thread(lambda: replies_of(opened, requests))
        for id_, reply in here.items():
            _assert_same_answer(reply, there[id_], "in another thread")

    def test_it_works_after_a_fork(
        self, judge: Judge, requests: list[JudgeRequest], context: Context
    ) -> None:
        """A judge that was made before a fork is opened and answers after it.

        Fix: start threads, clients and locks in `open`, not in `__init__` or at import.
        """

        def work() -> None:
            opened(judge, context)
            assert_answered(replies_of(judge, requests[:1]), requests[:1])
            judge.close()

        in_a_fork(work)


def _content(picture: Picture) -> Any:
    return picture.data if picture.image is None else (picture.image.size, picture.image.tobytes())


def _assert_same_answer(one: JudgeReply, other: JudgeReply, how: str) -> None:
    """Compare answers; scores may differ by rounding, which depends on the batch."""
    first = (one.text, one.rating, one.error and one.error.kind)
    second = (other.text, other.rating, other.error and other.error.kind)
    assert first == second, f"another answer {how}: {first!r:.120} and {second!r:.120}"
    scores, others = dict(one.scores or {}), dict(other.scores or {})
    assert scores == pytest.approx(others, abs=1e-3), (
        f"other scores {how}: {scores!r:.120} and {others!r:.120}"
    )
