"""Builds the requests of a judge: what is asked, under which ids, with which picture."""

from __future__ import annotations

import gc
import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.datasets import names_label
from harness.images import decoding
from harness.images.decoding import PictureProblem
from harness.images.metadata import portable
from harness.run.participants import Participant
from harness.run.prefetch import Prepared
from harness.run.room import reserve
from harness.run.schedule import Job
from harness.tasks.answers import statement_of, truth_of
from harness.tasks.prompts import render, reveals_emotion, shown_labels, shown_options
from harness.tasks.spec import Answer, PromptVariant, TaskSpec
from harness.types import AnswerMode, Capability, JudgeRequest, Picture, Question, Sample, Sampling

_ALONE = threading.Lock()


@dataclass(frozen=True, slots=True)
class InFlight:
    """One request that a judge has not answered yet, with what its reply's record needs."""

    question: str
    variant: str
    repeat: int
    data: str
    sample_id: str
    digest: str
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What preparing a job found: the sample's record, its requests, and the problem if it cannot be used."""

    record: Mapping[str, Any]
    problem: PictureProblem | None
    requests: Mapping[str, InFlight]


def _digests(job: Job, digests: Sequence[str]) -> dict[str, Any]:
    """The digest of what is shown; for two pictures the digest of both in order, and each picture's own."""
    if job.pair is None:
        return {"digest": digests[0]}
    pictures = [{"id": s.id, "image": s.path, "digest": d} for s, d in zip(job.pair, digests, strict=True)]
    return {"digest": hashlib.sha256("+".join(digests).encode()).hexdigest(), "pictures": pictures}


def visible_id(job: Job, columns: Iterable[str] = ()) -> str:
    """The sample's id as a judge sees it: a digest where the id itself reveals the label ("happy/01").

    `columns` are those that questions take their truth from.
    """
    sample = job.sample
    labels = (sample.emotion, *(sample.attributes.get(column) for column in columns))
    if job.pair is None and not any(label and names_label(sample.id, label.casefold()) for label in labels):
        return sample.id
    return hashlib.blake2b(sample.id.encode(), digest_size=8).hexdigest()


class RequestBuilder:
    """Builds the requests of one judge."""

    def __init__(
        self,
        judge: Participant,
        questions: Mapping[str, TaskSpec],
        answer_modes: Mapping[str, AnswerMode],
        *,
        seed: int,
        repeats: int,
        one_variant: bool,
        answered: set[bytes],
        allow_outside: bool,
        files: bool = False,
    ) -> None:
        """`files`: a judge that takes pixels gets files too, which are decoded where it runs."""
        self.judge, self.questions, self.answer_modes = judge, questions, answer_modes
        self.seed, self.repeats, self.answered, self.allow_outside = seed, repeats, answered, allow_outside
        self.files = files or judge.instance.takes == "bytes"
        self.oracle = Capability.ORACLE in judge.instance.capabilities
        self.prompt_variants = {
            name: spec.prompt_variants[: 1 if one_variant else None] for name, spec in questions.items()
        }
        self._prefixes = {
            (name, w.name): self._prefix(name, w) for name in questions for w in self.prompt_variants[name]
        }

    def _prefix(self, name: str, variant: PromptVariant) -> bytes:
        spec = self.questions[name]
        # Whether other prompt variants are asked too does not change the answer to this one.
        asked = variant.model_dump(mode="json", exclude={"default"})
        fixed = [
            name,
            self.judge.described,
            asked,
            self.answer(name).model_dump(mode="json", exclude={"prose"}),  # It concerns the reading alone.
            spec.sampling.model_dump(mode="json"),
            self.answer_modes[name],
            self.seed,
        ]
        return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).digest()

    def count(self, job: Job) -> int:
        """How many requests a job has."""
        return sum(1 for _ in self._keys(job))

    def times(self, question: str) -> int:
        """How often a question is asked about one picture."""
        return len(self.prompt_variants[question]) * self.repeats

    def prepare(self, job: Job) -> Prepared[JudgeRequest]:
        """Read the picture; build the requests that have no reply yet. Runs in a thread; raises nothing."""
        try:
            return self._prepare(job)
        except Exception as e:  # one odd sample must not stop the others
            if isinstance(e, MemoryError):
                problem = PictureProblem("memory", f"{job.sample.path}: {decoding.NO_MEMORY}", retryable=True)
            else:
                problem = PictureProblem("unusable", f"{job.sample.path}: {type(e).__name__}: {e}")
            record = job.record() | {"shown": {}, "digest": None}
            return Prepared([], 0, JobOutcome(record, problem, {}))

    def _prepare(self, job: Job) -> Prepared[JudgeRequest]:
        record = job.record()
        shown = {q: self._options(q, job.sample) for q in job.questions}
        record["shown"] = {q: options for q, options in shown.items() if self.answer(q).kind == "choice"}
        try:
            files = [self._read(job.root, sample) for sample in job.shown]
            digests = [hashlib.sha256(data).hexdigest() for data in files]
            record |= _digests(job, digests)
            digest = record["digest"]
            keys = {self._id(k, job, digest): k for k in self._keys(job)}
            missing = {i: k for i, k in keys.items() if bytes.fromhex(i) not in self.answered}
            if not missing:
                return Prepared([], 0, JobOutcome(record, None, {}))
            seen = [self._picture(*found) for found in zip(job.shown, files, digests, strict=True)]
        except PictureProblem as problem:
            return Prepared([], 0, JobOutcome(record | {"digest": None}, problem, {}))
        images, cost = tuple(picture for picture, _ in seen), sum(size for _, size in seen)
        columns = [self.answer(q).truth.field for q in job.questions if self.answer(q).kind == "choice"]
        sample_id = job.sample.id if self.oracle else visible_id(job, columns)
        in_flight, requests = {}, []
        for id_, (question, variant, repeat) in missing.items():
            options = shown[question]
            in_flight[id_] = InFlight(
                question, variant.name, repeat, job.data, job.sample.id, digest, options
            )
            truth = truth_of(self.answer(question), job.sample) if self.oracle else None
            statement = statement_of(self.answer(question), job.sample)
            messages = render(variant, self.answer(question), options, job.sample.emotion, statement)
            requests.append(
                JudgeRequest(
                    id_,
                    sample_id,
                    images,
                    messages,
                    self._question(question, options),
                    self._sampling(question, id_),
                    truth,
                )
            )
        return Prepared(requests, cost, JobOutcome(record, None, in_flight))

    def _options(self, question: str, sample: Sample) -> tuple[str, ...]:
        answer = self.answer(question)
        return shown_options(
            answer, sample.id, self.seed, truth_of(answer, sample) if answer.contrast else None
        )

    def _read(self, root: str, sample: Sample) -> bytes:
        if sample.problem or sample.path is None:
            raise PictureProblem("label", sample.problem or "the sample has no picture")
        return decoding.read_bytes(root, sample.path, allow_outside=self.allow_outside, reserve=reserve)

    def _picture(self, sample: Sample, data: bytes, digest: str) -> tuple[Picture, int]:
        """A picture in the form that the judge takes, and the memory that it holds."""
        assert sample.path is not None, "a sample without a picture is not read"
        try:
            return self._decoded(sample.path, data, digest)
        except PictureProblem as problem:
            if problem.kind != "memory":
                raise
        # Under a limit of memory, a picture that does not fit beside others may fit alone.
        with _ALONE:
            gc.collect()
            return self._decoded(sample.path, data, digest)

    def _decoded(self, path: str, data: bytes, digest: str) -> tuple[Picture, int]:
        if self.files:
            file, media_type = portable(data, path, reserve)
            return Picture(digest, None, file, media_type), len(file)
        image = (found := decoding.decode(data, path, reserve)).image
        cost = image.width * image.height * decoding.BYTES_PER_PIXEL
        return Picture(digest, image, None, found.media_type), cost

    def _keys(self, job: Job) -> Iterator[tuple[str, PromptVariant, int]]:
        for question in job.questions:
            if self.oracle and not job.sample.problem and truth_of(self.answer(question), job.sample) is None:
                continue  # A stand-in that answers from the truth cannot answer without it.
            for variant in self.prompt_variants[question]:
                for repeat in range(self.repeats):
                    yield question, variant, repeat

    def answer(self, question: str) -> Answer:
        """What an answer to a question looks like."""
        answer = self.questions[question].answer
        assert answer is not None, "questions are judge tasks, which have an answer"
        return answer

    def _id(self, key: tuple[str, PromptVariant, int], job: Job, digest: str) -> str:
        question, variant, repeat = key
        named = job.sample.emotion if reveals_emotion(variant) else ""
        text = f"{digest}:{repeat}:{named}:{job.data}:{job.sample.id}"
        statement = statement_of(self.answer(question), job.sample)
        determined = (f"{text}:{statement}" if statement else text).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(
            self._prefixes[question, variant.name] + determined, digest_size=16
        ).hexdigest()

    def _question(self, question: str, shown: tuple[str, ...]) -> Question:
        answer = self.answer(question)
        return Question(
            answer.kind,
            shown,
            shown_labels(answer, shown),
            answer.scale,
            self.answer_modes[question],
            answer.target,
        )

    def _sampling(self, question: str, id_: str) -> Sampling:
        # The seed follows from the request, so that a resumed run samples as an uninterrupted one does.
        sampling = self.questions[question].sampling
        return Sampling(sampling.temperature, sampling.max_tokens, sampling.top_p, int(id_[:8], 16) >> 1)
