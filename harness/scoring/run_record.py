"""`run.json` as scoring reads it, typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.results import HumanAgreement, RunInfo, Served
from harness.tasks.answers import without_prose
from harness.tasks.spec import Answer, TaskSpec
from harness.types import Domain


@dataclass(frozen=True)
class ParticipantRecord:
    """A judge or generator as `run.json` describes it."""

    name: str
    options: Mapping[str, Any]
    identity: Mapping[str, Any]
    plugin: str = ""


@dataclass(frozen=True)
class RunRecord:
    """What was asked in a run."""

    name: str
    created: str
    versions: Mapping[str, str]
    role: str
    """judge or generator: what is under test."""
    model: ParticipantRecord
    judges: tuple[ParticipantRecord, ...]
    """Generator runs: what parsed the portraits."""
    tasks: Mapping[str, TaskSpec]
    questions: Mapping[str, TaskSpec]
    """The judge tasks that were asked: the tasks themselves, or those that generator tasks ask."""
    seed: int
    repeats: int
    data: Mapping[str, str]
    """Judge runs: data set -> digest."""
    domains: Mapping[str, Domain]
    """Judge runs: data set -> its domain, where that is not "shown"."""
    prompt_sets: Mapping[str, tuple[str, str]]
    """Generator runs: task -> name and digest of its prompts."""
    answer_modes: Mapping[str, Mapping[str, str]]
    """Judge -> question -> answer mode."""
    counts: Mapping[str, int]
    """TASK@DATA, or TASK@generator -> how many questions, or images; @DATA -> how many samples."""
    notes: Mapping[str, Sequence[str]]
    """Data set, or "generator" -> notes that belong into its results."""
    people: Mapping[str, Mapping[str, HumanAgreement]]
    """Folders of earlier versions: data set -> task -> what people said."""
    oracles: frozenset[str]
    """Judges that are shown the true answers."""
    trained_on: Mapping[str, Sequence[str]]
    """Judge -> generators and data sets whose pictures its training used."""
    omitted: Sequence[str]
    """What of a suite was omitted, and why."""
    release: str | None
    """Which release of the model under test this is, where the user said it."""
    attempts: Sequence[Mapping[str, Any]]
    """When and on what it was asked, where that changed; empty in folders of earlier versions."""
    selected: Mapping[str, frozenset[str]] | None
    """With a limit: data set, or generator -> ids of its samples; None for all that the folder holds."""

    halted: str = ""
    """Why a run asked no further: a limit on cost or time."""
    sequential: Mapping[str, Any] | None = None
    """Of a run with a sequential gate: which baseline, how many clusters it looked at, whether it stopped early."""

    @classmethod
    def parse(
        cls, document: Mapping[str, Any], group_by: Sequence[str] = (), *, strict: bool = False
    ) -> RunRecord:
        """The record in a `run.json`; `group_by` names more columns to group by, `strict` counts prose as unparsed.

        Raises KeyError, TypeError or ValueError where something is missing or malformed.
        """
        request = document["request"]
        tasks = {name: _task(table, group_by, strict=strict) for name, table in request["tasks"].items()}
        asked, selected = request.get("questions"), document.get("selected")
        questions = (
            tasks if asked is None else {name: _task(table, strict=strict) for name, table in asked.items()}
        )
        missing = [name for name in _asked_by(tasks) if name not in questions]
        if missing:
            raise ValueError(f"the question {missing[0]!r} is missing")
        return cls(
            name=document["name"],
            created=document["created"],
            versions=document["versions"],
            role=request["role"],
            model=_participant(request["model"]),
            judges=tuple(map(_participant, request.get("judges", ()))),
            tasks=tasks,
            questions=questions,
            seed=request["seed"],
            repeats=request["repeats"],
            data=request.get("data", {}),
            domains=request.get("domains", {}),
            prompt_sets={
                task: (name, digest) for task, (name, digest) in request.get("prompt_sets", {}).items()
            },
            answer_modes=document["reads"],
            counts=document["plan"],
            notes=document.get("notes", {}),
            people={
                data: {task: HumanAgreement.model_validate(agreement) for task, agreement in found.items()}
                for data, found in document.get("people", {}).items()
            },
            oracles=frozenset(document.get("oracles", ())),
            trained_on=document.get("trained_on", {}),
            omitted=document.get("left_out", ()),
            release=request["model"].get("release"),
            attempts=document.get("attempts", ()),
            selected=None if selected is None else {name: frozenset(ids) for name, ids in selected.items()},
            halted=document.get("halted", ""),
            sequential=document.get("sequential"),
        )

    def domain_of(self, data: str) -> Domain:
        """The domain of a data set."""
        return self.domains.get(data, "shown")

    def max_tokens(self, question: str, judge: str) -> int:
        """How many tokens a reply may have: what the judge's own option says, else the task."""
        options = next((p.options for p in (*self.judges, self.model) if p.name == judge), {})
        own = options.get("max_tokens")
        return own if isinstance(own, int) and own > 0 else self.questions[question].sampling.max_tokens

    @property
    def plugins(self) -> list[str]:
        """The distributions that the participants come from."""
        return [participant.plugin for participant in (self.model, *self.judges)]

    def info(self, *, complete: bool, served: Sequence[Served] = (), notes: Sequence[str] = ()) -> RunInfo:
        """The head of the results."""
        return RunInfo(
            name=self.name,
            model=self.model.name,
            release=self.release,
            judges=[judge.name for judge in self.judges],
            created=self.created,
            versions=dict(self.versions),
            complete=complete,
            notes=[*self.omitted, *notes],
            served=list(served),
        )

    def oracle_warning(self, judge: str) -> list[str]:
        """Says where a judge is shown the true answers."""
        if judge not in self.oracles:
            return []
        return [f"{judge} is shown the true answers (an oracle): a stand-in for trials, never ranked."]

    def training_warning(self, judges: Iterable[str], sources: Iterable[str | None]) -> list[str]:
        """Says where a judge was trained on pictures from the same generator or data set; `sources` name those asked on."""
        found = self.trained_on_these(judges, sources)
        return [
            f"{judge} was trained on pictures of {', '.join(same)}, as these are: "
            "the results do not show how it does on other pictures"
            for judge, same in found.items()
        ]

    def trained_on_these(self, judges: Iterable[str], sources: Iterable[str | None]) -> dict[str, list[str]]:
        """Judges with those of `sources`, generators and data sets, whose pictures their training used; others left out."""
        # NAME:REF and DISTRIBUTION/NAME are the component NAME.
        names = {source.partition(":")[0].rpartition("/")[2] for source in sources if source}
        found = {
            judge: [name for name in self.trained_on.get(judge, ()) if name in names] for judge in judges
        }
        return {judge: same for judge, same in found.items() if same}


def _task(table: Mapping[str, Any], group_by: Sequence[str] = (), *, strict: bool = False) -> TaskSpec:
    spec = TaskSpec.model_validate(table)
    spec = without_prose(spec) if strict else spec
    return spec.model_copy(update={"group": spec.group.with_columns(group_by)}) if group_by else spec


def _asked_by(tasks: Mapping[str, TaskSpec]) -> Iterator[str]:
    """The questions that the values of generator tasks are made of. Those of judge tasks name none."""
    for spec in tasks.values():
        yield from (metric.asks for metric in spec.metrics if metric.asks)


def _participant(described: Mapping[str, Any]) -> ParticipantRecord:
    name, options, identity = described["name"], described["options"], described["identity"]
    return ParticipantRecord(name, options, identity, described.get("plugin", ""))


def answer_of(spec: TaskSpec) -> Answer:
    """What an answer to a judge task looks like."""
    assert spec.answer is not None, "judge tasks have an answer"
    return spec.answer
