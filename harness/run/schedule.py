"""The schedule of a run: which pictures are asked which questions, in which order.

A job is one picture, or a pair, with all its questions: engines share work between questions on one picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from harness.datasets import DataFolder, stratified
from harness.images.decoding import real_root
from harness.run.image_requests import PlannedImage, plan_images
from harness.run.plan import Plan
from harness.run.shards import Shard
from harness.store.replies import image_replies
from harness.tasks.answers import rates_unlabelled, truth_of
from harness.tasks.each import each_emotion
from harness.tasks.pairing import as_samples, select_pairs
from harness.tasks.spec import Answer, TaskSpec
from harness.types import Sample

TrueAnswer = str | float | None
"""The true answer to a question: an option or a number, None where it is not known."""


class Job(NamedTuple):
    """One picture, or a pair of pictures, with the questions that it is asked."""

    sample: Sample
    data: str
    root: str
    truths: Mapping[str, TrueAnswer]
    """The questions that it is asked, each with its true answer."""
    extra: Mapping[str, Any] = MappingProxyType({})
    """More fields of the sample's record."""
    pair: tuple[Sample, Sample] | None = None
    """Where two pictures are shown: their samples, in order. `sample` then stands for both."""

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions that it is asked."""
        return tuple(self.truths)

    @property
    def shown(self) -> tuple[Sample, ...]:
        """The samples whose pictures are shown, in order."""
        return self.pair or (self.sample,)

    def record(self) -> dict[str, Any]:
        """The sample as `samples.jsonl` stores it, without digests and the options shown."""
        s = self.sample
        return {
            "id": s.id,
            "data": self.data,
            "image": s.path,
            "emotion": s.emotion,
            "intensity": s.intensity,
            "quality": s.quality,
            "attributes": dict(s.attributes),
            **self.extra,
        }


def judge_jobs(plan: Plan, shard: Shard | None = None) -> Iterator[Job]:
    """The pictures of a judge run, or of a shard of it, with the questions that each is asked, then those asked about each of several
    emotions and the pairs of pictures.

    A limit counts pictures for each data set, and pairs for a task that compares pictures, of the whole run.
    """
    found = _jobs(plan)
    return found if shard is None else (job for job in found if shard.has(job.data, job.sample.id))


def _jobs(plan: Plan) -> Iterator[Job]:
    # All roots first: a judge may change the working directory.
    every = _answers(plan.questions)
    alone = _answers(plan.questions, alone=True)
    for data, root in [(data, real_root(data.root)) for data in plan.data]:
        for sample in limited(data, plan.request.limit, plan.request.seed):
            # A sample with a problem fails in every task: its labels are unknown.
            truths = {q: truth_of(a, sample) for q, a in every} if sample.problem else _truths(sample, alone)
            if truths:
                yield Job(sample, data.name, root, truths)
        for name, spec in plan.questions.items():
            if spec.each is not None and spec.answer is not None:
                for sample in limited(data, plan.request.limit, plan.request.seed):
                    for one in each_emotion(sample, spec.each, spec.answer, name):
                        truths = {name: truth_of(spec.answer, one)}
                        yield Job(one, data.name, root, truths, {"question": name})
            if spec.pairs is not None and spec.answer is not None:
                for pair in select_pairs(data, spec, plan.request.limit, plan.request.seed):
                    for both, shown in as_samples(pair, spec, plan.request.seed):
                        yield Job(both, data.name, root, {name: truth_of(spec.answer, both)}, pair=shown)


def limited(data: DataFolder, limit: int | None, seed: int) -> list[Sample]:
    """A seeded subset, stratified by emotion and intensity; a smaller one is a prefix of a larger one.

    Matched samples (`pair_id`) stay together.
    """
    if limit is None:
        return data.samples
    return stratified(
        data.samples,
        key=lambda s: s.id,
        stratum=lambda s: (s.emotion, s.intensity),
        seed=seed,
        matched=lambda s: s.attributes.get("pair_id"),
    )[:limit]


def planned_images(plan: Plan, shard: Shard | None = None) -> list[PlannedImage]:
    """The portraits of a generator run, or of a shard of it; none for a judge run."""
    if plan.generator is None:
        return []
    specs = {t.spec.name: t.spec for t in plan.tasks}
    # An image that exists already cannot be generated again.
    once = plan.generator.instance.own_portraits() is not None
    found = plan_images(
        plan.generator,
        {name: plan.prompt_sets[name].rows for name in specs},
        per_prompt={name: 1 if once else s.per_prompt * plan.request.repeats for name, s in specs.items()},
        negative={name: s.negative_prompt for name, s in specs.items()},
        limit=plan.request.limit,
        seed=plan.request.seed,
    )
    name = plan.generator.name
    return found if shard is None else [p for p in found if shard.has(name, p.request.id)]


def image_jobs(
    plan: Plan, folder: Path, wanted: Sequence[PlannedImage], *, delivered: bool = True
) -> Iterator[Job]:
    """The portraits that were delivered (or those that were blocked or blank), with the questions for each."""
    outcomes = {reply["id"]: reply["outcome"] for reply in image_replies(folder)}
    root = real_root(folder)
    for planned in wanted:
        outcome = outcomes.get(planned.request.id)
        if outcome is not None and (outcome == "ok") == delivered:
            yield Job(
                planned.sample(plan.model.name, delivered=delivered),
                plan.model.name,
                root,
                image_truths(plan, planned),
                {"tasks": list(planned.tasks), "prompt": planned.row.prompt},
            )


def image_truths(plan: Plan, planned: PlannedImage) -> dict[str, TrueAnswer]:
    """The questions that the tasks of a portrait ask about it, each with its true answer."""
    asks = {q for t in plan.tasks if t.spec.name in planned.tasks for q in t.spec.asks}
    answers = [(q, answer) for q, answer in _answers(plan.questions, alone=True) if q in asks]
    return _truths(planned.sample(plan.model.name, delivered=True), answers, generated=True)


def _answers(questions: Mapping[str, TaskSpec], *, alone: bool = False) -> list[tuple[str, Answer]]:
    """What the answers to the questions look like; `alone`: to those about one picture as it is."""
    return [
        (name, spec.answer)
        for name, spec in questions.items()
        if spec.answer is not None and not (alone and (spec.pairs or spec.each))
    ]


def _truths(
    sample: Sample, answers: Sequence[tuple[str, Answer]], *, generated: bool = False
) -> dict[str, TrueAnswer]:
    """The questions that a sample has a true answer to, or that a generated portrait is asked without one."""
    return {
        question: truth
        for question, answer in answers
        if (truth := truth_of(answer, sample)) is not None or (generated and rates_unlabelled(answer, sample))
    }
