"""The settings of a study: study.toml."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness import BadData, nearest

FILE = "study.toml"
LANGUAGES = ("en", "zh", "es", "de", "fr", "ja")
Language = Literal["en", "zh", "es", "de", "fr", "ja"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_switches(cls, table: Any) -> Any:
        """`answers = true` is a slip, not a number."""
        for key, value in table.items() if isinstance(table, dict) else ():
            known = cls.model_fields.get(key)
            if isinstance(value, bool) and known is not None and known.annotation is not bool:
                raise ValueError(f"{key} is {str(value).lower()}, and not a number or text")
        return table


class Design(_Table):
    """Who rates what."""

    answers: int = Field(
        15, ge=1, le=1000, description="K: raters of each question. ITU-R BT.500 asks for at least 15."
    )
    per_rater: int = Field(
        60, ge=1, le=2000, description="N: questions of each rater, without trials that only check."
    )
    openings: int = Field(5, ge=0, le=50, description="Discarded trials at the beginning of each session.")
    training: int = Field(
        4,
        ge=0,
        le=50,
        description="Trials with feedback before the first session, per task that has correct answers.",
    )
    repeats: float = Field(0.07, ge=0, le=0.5, description="Share of questions that are asked again, hidden.")
    attention: float = Field(
        0.03, ge=0, le=0.5, description="Share of trials that ask to choose a stated option."
    )
    seed: int = Field(0, ge=0, le=2**31, description="Seed of all orders.")


class Sessions(_Table):
    """How long people rate in one piece."""

    minutes: float = Field(30, gt=0, le=240, description="The longest session.")
    rest_minutes: float = Field(10, ge=0, le=1440, description="Between two sessions.")
    break_every: int = Field(50, ge=0, le=1000, description="Trials between two offered breaks; 0: none.")


class Screening(_Table):
    """Which raters are excluded. Nobody is deleted."""

    attention_failed: float = Field(
        0.25, ge=0, le=1, description="More failed attention trials than this share, and at least two."
    )
    gold_accuracy: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A smaller share of right answers to gold questions, and at least three wrong ones.",
    )
    straight_line: float = Field(
        0.9, ge=0, le=1, description="The same option in a larger share of a task's trials."
    )
    fastest_ms: int = Field(350, ge=0, le=60_000, description="Answers faster than this are implausible ...")
    too_fast: float = Field(
        0.25, ge=0, le=1, description="... and exclude where their share is larger than this."
    )
    agreement_p: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Agreement with the others that is not above chance at this level, where it would be seen.",
    )
    fewest: int = Field(
        20, ge=2, le=10_000, description="Answers from which on a rater's answers are tested."
    )


class Access(_Table):
    """Who may take part."""

    open: bool = Field(
        False, description="Anybody with ?rater=ID (or PROLIFIC_PID) may take part, without a personal link."
    )
    completion_url: str = Field(
        "",
        description="Where people go at the end, with {code} for the completion code.",
        pattern=r"^$|^https://\S+$",
    )
    contact: str = Field("", description="Whom raters can ask; shown with the consent.", max_length=500)


class StudyConfig(_Table):
    """study.toml."""

    title: str = Field(min_length=1, max_length=200)
    tasks: tuple[str, ...] = Field(min_length=1, description="Set when the study is made.")
    data: str = Field(description="Where the pictures came from.")
    language: Language = Field(
        "en", description="The language that the first page opens in, unless the browser asks for another."
    )
    consent: Mapping[str, str] = Field(
        {},
        description="The consent text by language; paragraphs are separated by blank lines. Default: a general one.",
    )
    gold: tuple[str, ...] = Field(
        (),
        description="Ids of samples whose answers are known beyond doubt: they check raters. Needs labels.",
    )
    widths: Mapping[str, float] = Field(
        {},
        description="Task -> wished width of the 95% interval of a picture's mean, on the scale of the task.",
    )
    design: Design = Design()
    sessions: Sessions = Sessions()
    screening: Screening = Screening()
    access: Access = Access()

    @model_validator(mode="after")
    def _known_languages(self) -> StudyConfig:
        for language in self.consent:
            if language not in LANGUAGES:
                raise ValueError(f"consent: {language!r} is none of {', '.join(LANGUAGES)}")
        for name, texts in (("title", {"": self.title}), ("consent", self.consent)):
            if not all(text.strip() for text in texts.values()):
                raise ValueError(f"{name}: the text is empty")
        for task, width in self.widths.items():
            if not 0 < width < math.inf:
                raise ValueError(f"widths: {task}: {width} is not a width")
        return self


def read_config(folder: Path) -> StudyConfig:
    """The settings of a study. Raises `BadData` naming the key, what is wrong and the nearest valid key."""
    path = folder / FILE
    try:
        table = tomli.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as e:
        raise BadData(
            f"{folder} is not a study: {path} cannot be read: {e.strerror or e}.",
            "Make one with `harness annotate new`.",
        ) from e
    except (ValueError, RecursionError) as e:
        raise BadData(f"{path} is not valid TOML: {e}.", "Fix that line.") from e
    try:
        return StudyConfig.model_validate(table)
    except ValidationError as e:
        problems = "; ".join(_explain(error) for error in e.errors()[:5])
        raise BadData(f"{path}: {problems}.", "docs/annotate.md lists the keys.") from e


def check_names(config: StudyConfig, folder: Path, tasks: Sequence[str], samples: Collection[str]) -> None:
    """Raise `BadData` where study.toml names tasks or samples that the study does not have."""
    path = folder / FILE
    for key, given, known in (
        ("tasks", config.tasks, tasks),
        ("widths", config.widths, tasks),
        ("gold", config.gold, samples),
    ):
        for name in given:
            if name not in known:
                guess = nearest(name, list(known))
                raise BadData(
                    f"{path}: {key}: the study has no {'sample' if key == 'gold' else 'task'} {name!r}"
                    + (f"; did you mean {guess!r}?" if guess else "."),
                    "The questions were fixed when the study was made.",
                )


def _explain(error: Mapping[str, Any]) -> str:
    where = [str(part) for part in error["loc"]]
    key = ".".join(where) or "the file"
    if error["type"] == "extra_forbidden":
        model: Any = StudyConfig
        for part in where[:-1]:
            model = model.model_fields[part].annotation
        guess = nearest(where[-1], list(model.model_fields))
        return f"unknown key {key!r}" + (f" (did you mean {guess!r}?)" if guess else "")
    if error["type"] == "missing":
        return f"the key {key!r} is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{key}: {message[:1].lower()}{message[1:]}"
