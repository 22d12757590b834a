"""Builds the requests of a judge: what is asked, under which ids, with which picture."""

from __future__ import annotations

import gc
import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import ref

from harness.datasets import names_label
from harness.images import decoding
from harness.images.decoding import PictureProblem
from harness.images.metadata import portable
from harness.run.participants import Participant
from harness.run.prefetch import Prepared
from harness.run.room import reserve
from harness.run.schedule import Job, TrueAnswer
from harness.tasks.answers import statement_of
from harness.tasks.prompts import render, reveals_emotion, shown_labels, shown_options
from harness.tasks.spec import Answer, PromptVariant, TaskSpec
from harness.types import AnswerMode, Capability, JudgeRequest, Message, Picture, Question, Sample, Sampling

_ALONE = threading.Lock()
MOST_ASKED = 1024
"""Rendered questions that are kept: six options have 720 orders, and a prompt may be long."""


MOST_ENDED = 4096
"""References to pictures that are no longer in use, which are kept until so many more were added."""


class SharedPicture(Picture):
    """A picture that several requests may share."""

    __slots__ = ("__weakref__",)


class InUse:
    """Pictures by their digests, while any request for them is under way."""

    # A WeakValueDictionary costs four times as much for each picture: it is told of the end of each.

    def __init__(self) -> None:
        self._known: dict[str, ref[SharedPicture]] = {}
        self._swept_at = MOST_ENDED

    def find(self, digest: str) -> SharedPicture | None:
        """The picture with this digest, if it is in use."""
        known = self._known.get(digest)
        return None if known is None else known()

    def add(self, picture: SharedPicture) -> None:
        """Know a picture. Threads may call this at the same time: one of two equal pictures is then forgotten."""
        self._known[picture.digest] = ref(picture)
        if len(self._known) >= self._swept_at:
            # list() first: another thread may add a picture meanwhile.
            self._known = {
                digest: known for digest, known in list(self._known.items()) if known() is not None
            }
            self._swept_at = 2 * len(self._known) + MOST_ENDED


class InFlight(NamedTuple):
    """One request that a judge has not answered yet, with what its reply's record needs."""

    question: str
    variant: str
    repeat: int
    data: str
    sample_id: str
    digest: str
    shown: tuple[str, ...]


class JobOutcome(NamedTuple):
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


def _size(picture: Picture) -> int:
    """The bytes of memory that a picture holds."""
    if picture.data is not None:
        return len(picture.data)
    return picture.image.width * picture.image.height * decoding.BYTES_PER_PIXEL if picture.image else 0


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
        self._answers = {name: spec.answer for name, spec in questions.items() if spec.answer is not None}
        self._prefixes = {
            (name, w.name): self._prefix(name, w) for name in questions for w in self.prompt_variants[name]
        }
        self._in_use = InUse()
        # Many samples are asked the same: what is asked is made once for each order of the options.
        self._asked = lru_cache(MOST_ASKED)(self._make_asked)

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
        return sum([self.times(q) for q, truth in job.truths.items() if self._can_answer(job, truth)])

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
        record, sample, pictured = job.record(), job.sample, job.shown
        shown = {q: shown_options(self._answers[q], sample.id, self.seed, t) for q, t in job.truths.items()}
        record["shown"] = {q: options for q, options in shown.items() if self._answers[q].kind == "choice"}
        try:
            files = [self._read(job.root, sample) for sample in pictured]
            digests = [hashlib.sha256(data).hexdigest() for data in files]
            record |= _digests(job, digests)
            digest = record["digest"]
            keys = {self._id(k, job, digest): k for k in self._keys(job)}
            missing = {i: k for i, k in keys.items() if bytes.fromhex(i) not in self.answered}
            if not missing:
                return Prepared([], 0, JobOutcome(record, None, {}))
            images = tuple(map(self._picture, pictured, files, digests))
        except PictureProblem as problem:
            return Prepared([], 0, JobOutcome(record | {"digest": None}, problem, {}))
        sample_id = sample.id if self.oracle else visible_id(job, self._truth_columns(job.questions))
        in_flight, requests = {}, []
        for id_, (question, variant, repeat) in missing.items():
            options = shown[question]
            in_flight[id_] = InFlight(question, variant.name, repeat, job.data, sample.id, digest, options)
            named = sample.emotion if reveals_emotion(variant) else None
            statement = statement_of(self._answers[question], sample)
            ask = self._make_asked if statement else self._asked  # Each sample may have its own statement.
            asked, messages = ask(question, variant.name, options, named, statement)
            truth = job.truths[question] if self.oracle else None
            sampling = self._sampling(question, id_)
            requests.append(JudgeRequest(id_, sample_id, images, messages, asked, sampling, truth))
        return Prepared(requests, sum(map(_size, images)), JobOutcome(record, None, in_flight))

    def _truth_columns(self, questions: Iterable[str]) -> list[str]:
        """The columns that some questions of choice take their truth from."""
        return [self._answers[q].truth.field for q in questions if self._answers[q].kind == "choice"]

    def _read(self, root: str, sample: Sample) -> bytes:
        if sample.problem or sample.path is None:
            raise PictureProblem("label", sample.problem or "the sample has no picture")
        return decoding.read_bytes(root, sample.path, allow_outside=self.allow_outside, reserve=reserve)

    def _picture(self, sample: Sample, data: bytes, digest: str) -> Picture:
        """A picture in the form that the judge takes."""
        found = self._in_use.find(digest)
        if found is None:
            assert sample.path is not None, "a sample without a picture is not read"
            found = self._patiently_decoded(sample.path, data, digest)
            self._in_use.add(found)
        return found

    def _patiently_decoded(self, path: str, data: bytes, digest: str) -> SharedPicture:
        try:
            return self._decoded(path, data, digest)
        except PictureProblem as problem:
            if problem.kind != "memory":
                raise
        # Under a limit of memory, a picture that does not fit beside others may fit alone.
        with _ALONE:
            gc.collect()
            return self._decoded(path, data, digest)

    def _decoded(self, path: str, data: bytes, digest: str) -> SharedPicture:
        if self.files:
            return SharedPicture(digest, None, *portable(data, path, reserve))
        decoded = decoding.decode(data, path, reserve)
        return SharedPicture(digest, decoded.image, None, decoded.media_type)

    def _keys(self, job: Job) -> Iterator[tuple[str, PromptVariant, int]]:
        for question, truth in job.truths.items():
            if not self._can_answer(job, truth):
                continue
            for variant in self.prompt_variants[question]:
                for repeat in range(self.repeats):
                    yield question, variant, repeat

    def _can_answer(self, job: Job, truth: TrueAnswer) -> bool:
        # A stand-in that answers from the truth cannot answer without it.
        return truth is not None or not self.oracle or bool(job.sample.problem)

    def answer(self, question: str) -> Answer:
        """What an answer to a question looks like."""
        return self._answers[question]

    def _id(self, key: tuple[str, PromptVariant, int], job: Job, digest: str) -> str:
        question, variant, repeat = key
        named = job.sample.emotion if reveals_emotion(variant) else ""
        text = f"{digest}:{repeat}:{named}:{job.data}:{job.sample.id}"
        statement = statement_of(self._answers[question], job.sample)
        determined = (f"{text}:{statement}" if statement else text).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(
            self._prefixes[question, variant.name] + determined, digest_size=16
        ).hexdigest()

    def _make_asked(
        self, question: str, variant: str, shown: tuple[str, ...], named: str | None, statement: str
    ) -> tuple[Question, tuple[Message, ...]]:
        """A question and its messages. `named`: the emotion, for a prompt variant that states it."""
        answer = self._answers[question]
        asked = Question(
            answer.kind,
            shown,
            shown_labels(answer, shown),
            answer.scale,
            self.answer_modes[question],
            answer.target,
        )
        wording = next(w for w in self.prompt_variants[question] if w.name == variant)
        return asked, render(wording, answer, shown, named, statement)

    def _sampling(self, question: str, id_: str) -> Sampling:
        # The seed follows from the request, so that a resumed run samples as an uninterrupted one does.
        sampling = self.questions[question].sampling
        return Sampling(sampling.temperature, sampling.max_tokens, sampling.top_p, int(id_[:8], 16) >> 1)
