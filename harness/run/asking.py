"""Makes the requests of one judge: what is asked, under which ids, with which picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.prompts import render, shown_labels, shown_options
from harness.reading import truth_of
from harness.run import pictures
from harness.run.pictures import PictureProblem
from harness.run.plan import Contender
from harness.run.source import Prepared
from harness.taskspec import Answer, TaskSpec, Wording
from harness.types import Capability, JudgeRequest, Picture, Question, Read, Sample, Sampling


@dataclass(frozen=True, slots=True)
class Job:
    """One picture with the questions that are put to it."""

    sample: Sample
    data: str
    root: str
    questions: tuple[str, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the sample's record."""

    def record(self) -> dict[str, Any]:
        """The sample as `samples.jsonl` keeps it, but for digest and options shown."""
        s = self.sample
        return {"id": s.id, "data": self.data, "image": s.path, "emotion": s.emotion, "intensity": s.intensity,
                "quality": s.quality, "attributes": dict(s.attributes), **self.extra}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that a judge has not answered yet, with what its reply's record needs."""

    question: str
    wording: str
    repeat: int
    data: str
    sample_id: str
    digest: str
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """What preparing a job found: the sample's record, and the problem if it cannot be used."""

    record: Mapping[str, Any]
    problem: PictureProblem | None
    asked: Mapping[str, Asked]


class Asker:
    """Makes the requests of one judge: what is asked, under which ids, with which picture."""

    def __init__(self, judge: Contender, questions: Mapping[str, TaskSpec], reads: Mapping[str, Read], *,
                 seed: int, repeats: int, answered: set[bytes], allow_outside: bool) -> None:  # fmt: skip
        self.judge, self.questions, self.reads = judge, questions, reads
        self.seed, self.repeats, self.answered, self.allow_outside = seed, repeats, answered, allow_outside
        self.oracle = Capability.ORACLE in judge.instance.capabilities
        self.wordings = {
            name: tuple(w for w in spec.prompts if w.default) for name, spec in questions.items()
        }
        self._prefixes = {
            (name, w.name): self._prefix(name, w) for name in questions for w in self.wordings[name]
        }

    def _prefix(self, name: str, wording: Wording) -> bytes:
        spec = self.questions[name]
        fixed = [name, self.judge.described, wording.model_dump(mode="json"), self.answer(name).model_dump(mode="json"),
                 spec.sampling.model_dump(mode="json"), self.reads[name], self.seed]  # fmt: skip
        return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).digest()

    def count(self, job: Job) -> int:
        """How many requests a job comes to."""
        return sum(len(self.wordings[q]) for q in job.questions) * self.repeats

    def prepare(self, job: Job) -> Prepared[JudgeRequest]:
        """Read the picture; make the requests that have no reply yet. Runs in a thread."""
        record = job.record()
        record["shown"] = {q: self._shown(q, job) for q in job.questions if self.answer(q).kind == "choice"}
        try:
            if job.sample.problem or job.sample.path is None:
                raise PictureProblem("label", job.sample.problem or "the sample has no picture")
            data = pictures.read_bytes(job.root, job.sample.path, allow_outside=self.allow_outside)
            record["digest"] = digest = hashlib.sha256(data).hexdigest()
            keys = [(k, self._id(k, job, digest)) for k in self._keys(job)]
            missing = [(k, i) for k, i in keys if bytes.fromhex(i) not in self.answered]
            if not missing:
                return Prepared([], 0, Note(record, None, {}))
            image, media_type = pictures.decode(data, job.sample.path)
        except PictureProblem as problem:
            record["digest"] = None
            return Prepared([], 0, Note(record, problem, {}))
        if self.judge.instance.takes == "bytes":
            picture, cost = Picture(digest, None, data, media_type), len(data)
        else:
            picture, cost = Picture(digest, image, None, media_type), image.width * image.height * 3
        asked = {
            i: Asked(q, w.name, n, job.data, job.sample.id, digest, self._shown(q, job))
            for (q, w, n), i in missing
        }
        requests = [self._request(k, i, job, picture) for k, i in missing]
        return Prepared(requests, cost, Note(record, None, asked))

    def _keys(self, job: Job) -> Iterator[tuple[str, Wording, int]]:
        for question in job.questions:
            for wording in self.wordings[question]:
                for repeat in range(self.repeats):
                    yield question, wording, repeat

    def answer(self, question: str) -> Answer:
        """What an answer to a question looks like."""
        answer = self.questions[question].answer
        assert answer is not None, "questions are judge tasks, which have an answer"
        return answer

    def _shown(self, question: str, job: Job) -> tuple[str, ...]:
        return shown_options(self.answer(question), job.sample.id, self.seed)

    def _id(self, key: tuple[str, Wording, int], job: Job, digest: str) -> str:
        question, wording, repeat = key
        determined = f"{digest}:{repeat}:{job.data}:{job.sample.id}:{job.sample.emotion}"
        return hashlib.blake2b(
            self._prefixes[question, wording.name] + determined.encode(), digest_size=16
        ).hexdigest()

    def _request(self, key: tuple[str, Wording, int], id_: str, job: Job, picture: Picture) -> JudgeRequest:
        question, wording, _ = key
        spec, answer, shown = self.questions[question], self.answer(question), self._shown(question, job)
        named = job.sample.emotion if "{emotion}" in wording.text + wording.system else None
        seed = int.from_bytes(hashlib.blake2b(id_.encode(), digest_size=4).digest(), "big") >> 1
        asked = Question(
            answer.kind, shown, shown_labels(answer), answer.scale, self.reads[question], answer.target
        )
        return JudgeRequest(
            id_, job.sample.id, (picture,), render(wording, answer, shown, named), asked,
            Sampling(spec.sampling.temperature, spec.sampling.max_tokens, spec.sampling.top_p, seed),
            truth_of(answer, job.record()) if self.oracle else None,
        )  # fmt: skip
