"""The questions of a run, one typed row each: what was asked, replied and read, and what became of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from harness.exporting.sample_row import SampleRow as SampleRow
from harness.exporting.sample_row import State as State
from harness.scoring.run_record import RunRecord, answer_of
from harness.scoring.stored import StoredRun, StoredSample, read_stored
from harness.store.files import read_lines
from harness.store.runfolder import FAILURES, GENERATE_ONLY, SAMPLES, intact, read_run
from harness.tasks.answers import parse_reply, rates_unlabelled, truth_of
from harness.tasks.spec import STRONGER, Answer

UNASKED = "no reply stored"
"""The reason of a question that has neither a reply nor a recorded failure, as where a run was interrupted."""
CLOSE = 0.5
"""A rating is right if it is off by less than half a level."""


def iter_samples(run: Path, *, strict: bool = False) -> Iterator[SampleRow]:
    """The rows of a run folder, streamed: one for each question about each picture that the run reached.

    The samples are held in memory in compact form (some 2 kB each), replies and rows are not. First come the answered
    questions in the order in which the replies are stored, then, in the order of the samples, those without a reply
    ("failed", or "undelivered" for portraits that were blocked or blank), then failures of samples that are not stored.
    A portrait that was not generated has one row without a question and judge. Questions that a stopped run never
    reached have no row. With several judges, the rows are those of the judges; the panel has none.

    `strict` counts answers that are understood from a sentence as unparsed. Raises `RunMismatch` where there is no run,
    or it is damaged. A folder that holds portraits alone has no rows.
    """
    with intact(run):
        document = read_run(run)
        if document["request"]["role"] != GENERATE_ONLY:
            rows = _Rows(run, RunRecord.parse(document, strict=strict))
            yield from rows.answered()
            yield from rows.unanswered()
            yield from rows.elsewhere()


class _Asked(NamedTuple):
    """One question to one judge."""

    question: str
    by: str
    data: str
    variant: str


class _Failure(NamedTuple):
    """One line of `failures.jsonl`; `variant` and `repeat` are None where it stands for all of them."""

    variant: str | None
    repeat: int | None
    kind: str
    message: str


class _Rows:
    """Makes the rows of one run."""

    def __init__(self, path: Path, run: RunRecord) -> None:
        self.run = run
        self.stored: StoredRun = read_stored(path, run.selected)
        self.generates = run.role == "generator"
        self._files = _files(path, run.selected)
        self._modes = {
            key: run.answer_modes[key.by][key.question]
            for key in self._asked_of(run)
            if key.by in run.answer_modes
        }
        self._answers = {name: answer_of(spec) for name, spec in run.questions.items()}
        self._limits = {key: run.max_tokens(key.question, key.by) for key in self._modes}
        self._seen: dict[tuple[_Asked, int], bytearray] = {}
        self._pairs = [name for name, answer in self._answers.items() if answer.kind == "pair"]

    @staticmethod
    def _asked_of(run: RunRecord) -> Iterator[_Asked]:
        """Every question to every judge, as replies name them."""
        if run.role == "generator":
            for name, spec in run.questions.items():
                for judge in run.judges:
                    yield _Asked(name, judge.name, run.model.name, spec.prompt_variants[0].name)
        else:
            for name, spec in run.tasks.items():
                for data in run.data:
                    for variant in spec.prompt_variants:
                        yield _Asked(name, run.model.name, data, variant.name)

    @cached_property
    def _failures(self) -> dict[tuple[str, str, str, str], list[_Failure]]:
        """(Question, judge, data, sample) -> failures of the last attempt. Earlier versions did not store the data: ""."""
        found: dict[tuple[str, str, str, str], list[_Failure]] = {}
        for line in read_lines(self.stored.path / FAILURES):
            key = (line["task"] or "", line["by"], line.get("data") or "", line["sample_id"])
            error = line["error"]
            kind, message = intern(str(error["kind"])), intern(str(error["message"]))
            found.setdefault(key, []).append(_Failure(line.get("wording"), line.get("repeat"), kind, message))
        return found

    def answered(self) -> Iterator[SampleRow]:
        """The questions with a reply."""
        for reply, sample in self.stored.replies():
            key = _Asked(reply["task"], reply["by"], reply["data"], reply["wording"])
            if key not in self._modes or self._mark(key, reply["repeat"], sample):
                continue
            answer = self._answers[key.question]
            truth = truth_of(answer, sample)
            if truth is not None or rates_unlabelled(answer, sample):
                yield from self._of_reply(key, reply, sample, answer, truth)

    def _mark(self, key: _Asked, repeat: int, sample: StoredSample) -> bool:
        """Note that a question has a reply. Returns whether it had one already: the first one counts."""
        flags = self._seen.get((key, repeat))
        if flags is None:
            # A byte for each sample: a benchmark may have very many.
            flags = self._seen[key, repeat] = bytearray(self.stored.count)
        before = bool(flags[sample.number])
        flags[sample.number] = 1
        return before

    def _of_reply(
        self,
        key: _Asked,
        reply: Mapping[str, Any],
        sample: StoredSample,
        answer: Answer,
        truth: str | float | None,
    ) -> Iterator[SampleRow]:
        shown = sample.shown.get(key.question, answer.options)
        mode = self._modes[key]
        parsed = parse_reply(reply, answer, shown, mode, self._limits[key])
        number = isinstance(truth, float) and isinstance(parsed.value, float)
        scores = None
        if parsed.probabilities is not None:
            by_option = dict(zip(answer.options, parsed.probabilities, strict=True))
            scores = {option: by_option[option] for option in shown}
        yield from self._rows_of(
            key,
            sample,
            repeat=reply["repeat"],
            truth=truth,
            answer=parsed.value,
            how=parsed.how,
            read_as=parsed.how or "unparsed",
            reason=parsed.reason,
            state=_state(truth, parsed.value),
            error=parsed.value - truth if number else None,  # type: ignore[operator]
            scores=scores,
            shown=tuple(shown),
            reply=_text(reply),
            thought=reply.get("thought") or "",
            refusal=reply.get("refusal") or "",
            answer_mode=mode,
            usage=_table(reply.get("usage")),
            timings=_table(reply.get("timings")),
        )

    def unanswered(self) -> Iterator[SampleRow]:
        """The questions about stored samples that have no reply: failed, or about portraits that were not delivered."""
        for data, samples in self.stored.samples.items():
            keys = [key for key in self._modes if key.data == data]
            for sample in samples.values():
                for key in keys:
                    yield from self._without_reply(key, sample)

    def _without_reply(self, key: _Asked, sample: StoredSample) -> Iterator[SampleRow]:
        answer = self._answers[key.question]
        truth = truth_of(answer, sample) if self._concerns(key.question, sample) else None
        unlabelled = self.generates and key.by not in self.run.oracles and rates_unlabelled(answer, sample)
        expected = truth is not None or unlabelled
        failures = self._failures_of(key, sample.id)
        if not expected and not failures:
            return
        shown, mode = tuple(sample.shown.get(key.question, answer.options)), self._modes[key]
        outcome = self.stored.outcome(sample) if self.generates else "ok"
        if outcome in ("blocked", "blank"):
            yield from self._rows_of(
                key,
                sample,
                truth=truth,
                read_as="undelivered",
                state="undelivered",
                reason=outcome,
                answer_mode=mode,
            )
            return
        for repeat in range(1 if self.generates else self.run.repeats):
            flags = self._seen.get((key, repeat))
            if flags is not None and flags[sample.number]:
                continue
            failure = _matching(failures, key.variant, repeat)
            if failure is None and not expected:
                continue
            yield from self._rows_of(
                key, sample, repeat=repeat, truth=truth, shown=shown, answer_mode=mode, **_failed(failure)
            )

    def elsewhere(self) -> Iterator[SampleRow]:
        """The failures of samples that are not stored: portraits that were not generated, pictures never reached."""
        for (question, by, data, sample_id), failures in self._failures.items():
            if not question:
                if self.generates and self._is_selected(self.run.model.name, sample_id):
                    outcome = "" if sample_id in self.stored.images else "error"
                    yield self._portrait(sample_id, "", "", outcome, _failed(failures[-1]))
                continue
            for key in self._modes:
                named = (key.question, key.by) == (question, by) and data in ("", key.data)
                if (
                    named
                    and sample_id not in self.stored.samples.get(key.data, {})
                    and self._is_selected(key.data, sample_id)
                ):
                    yield from self._never_reached(key, sample_id, failures)

    def _is_selected(self, data: str, sample_id: str) -> bool:
        selected = self.run.selected
        return selected is None or sample_id in selected.get(data, ())

    def _never_reached(self, key: _Asked, sample_id: str, failures: list[_Failure]) -> Iterator[SampleRow]:
        """The rows of a sample of which only failures are stored: its labels are not known."""
        mode = self._modes[key]
        if self.generates:
            fields = {**_failed(failures[-1]), "answer_mode": mode}
            yield self._portrait(
                sample_id,
                key.question,
                key.by,
                str(self.stored.images.get(sample_id, {}).get("outcome", "error")),
                fields,
            )
            return
        for repeat in range(self.run.repeats):
            failure = _matching(failures, key.variant, repeat)
            if failure is not None:
                yield SampleRow(
                    task=key.question,
                    question=key.question,
                    data=key.data,
                    prompt_variant=self._variant(key),
                    repeat=repeat,
                    judge="",
                    model=self.run.model.name,
                    sample=sample_id,
                    answer_mode=mode,
                    **_failed(failure),
                )

    def _portrait(
        self, sample_id: str, question: str, judge: str, outcome: str, fields: Mapping[str, Any]
    ) -> SampleRow:
        """The row of a portrait that is not stored as a sample."""
        # Which of several tasks wanted it is not known.
        task = next(iter(self.run.tasks)) if len(self.run.tasks) == 1 else ""
        data = self.run.prompt_sets[task][0] if task else ""
        return SampleRow(
            task=task,
            question=question,
            data=data,
            prompt_variant="",
            repeat=0,
            judge=judge,
            model=self.run.model.name,
            sample=sample_id,
            outcome=outcome,
            **fields,
        )

    def _variant(self, key: _Asked) -> str:
        """The prompt variant as results name it: only where there are several."""
        return key.variant if len(self.run.questions[key.question].prompt_variants) > 1 else ""

    def _failures_of(self, key: _Asked, sample_id: str) -> list[_Failure]:
        named = self._failures.get((key.question, key.by, key.data, sample_id), [])
        return named or self._failures.get((key.question, key.by, "", sample_id), [])

    def _concerns(self, question: str, sample: StoredSample) -> bool:
        """Whether a question may be about a sample: pairs, and single emotions, are asked their own task alone."""
        each = self.run.questions[question].each is not None
        if each or sample.question:
            return sample.question == question
        pair_of = next(
            (q for q in self._pairs if STRONGER in sample.attributes and sample.id.endswith(f"@{q}")), None
        )
        return question == pair_of if pair_of else question not in self._pairs

    def _rows_of(self, key: _Asked, sample: StoredSample, **fields: Any) -> Iterator[SampleRow]:
        """The row of a judge run, or one for each task that wanted the portrait and asks the question."""
        digest, picture, second = self._files[sample.number]
        run = self.run
        fields |= {
            "repeat": fields.get("repeat", 0),
            "model": run.model.name,
            "sample": sample.id,
            "emotion": sample.emotion,
            "intensity": sample.intensity,
            "quality": sample.quality,
            "picture": picture,
            "second_picture": second,
            "digest": digest,
            "attributes": sample.attributes,
        }
        if not self.generates:
            order = ""
            if self._answers[key.question].kind == "pair" and fields.get("truth") is not None:
                first = fields["truth"] == self._answers[key.question].options[0]
                order = "stronger first" if first else "stronger second"
            yield SampleRow(
                task=key.question,
                question=key.question,
                data=key.data,
                prompt_variant=self._variant(key),
                judge="",
                order=order,
                **fields,
            )
            return
        outcome = self.stored.outcome(sample)
        for name in sample.tasks:
            spec = run.tasks.get(name)
            if spec is not None and key.question in spec.asks:
                yield SampleRow(
                    task=name,
                    question=key.question,
                    data=run.prompt_sets[name][0],
                    prompt_variant="",
                    judge=key.by,
                    outcome=outcome,
                    **fields,
                )


def _files(path: Path, selected: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """Digest and pictures of each sample, by its number: scoring needs neither, so it does not hold them."""
    found = []
    for line in read_lines(path / SAMPLES):
        if selected is not None and line["id"] not in selected.get(line["data"], ()):
            continue
        shown = [picture["image"] or "" for picture in line.get("pictures", ())] or [line.get("image") or ""]
        found.append((line.get("digest") or "", shown[0], shown[1] if len(shown) > 1 else ""))
    return found


def _matching(failures: list[_Failure], variant: str, repeat: int) -> _Failure | None:
    """The last failure of a question in one prompt variant and repeat."""
    for failure in reversed(failures):
        if failure.variant in (None, variant) and failure.repeat in (None, repeat):
            return failure
    return None


def _failed(failure: _Failure | None) -> dict[str, Any]:
    """The fields of a row without a reply."""
    return {
        "read_as": "failed",
        "state": "failed",
        "reason": failure.kind if failure else UNASKED,
        "failure": (failure.kind, failure.message) if failure else None,
    }


def _state(truth: str | float | None, answer: str | float | None) -> State:
    if answer is None:
        return "unparsed"
    if truth is None:
        return "rated"
    close = isinstance(truth, float) and isinstance(answer, float) and abs(truth - answer) < CLOSE
    return "right" if close or truth == answer else "wrong"


def _text(reply: Mapping[str, Any]) -> str:
    text = reply.get("text")
    if text is not None:
        return str(text)
    rating = reply.get("rating")
    return "" if rating is None else f"{rating:g}"


def _table(found: Any) -> Mapping[str, float]:
    """What a reply says that it used: plugins of earlier versions may have stored anything."""
    return found if isinstance(found, Mapping) else {}
