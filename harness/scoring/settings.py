"""What a result shows of a task's settings and of the participants' options and identity: all that affects answers."""

from __future__ import annotations

from typing import Any

from harness.results import Setting
from harness.scoring.run_record import ParticipantRecord
from harness.tasks.spec import Answer, TaskSpec
from harness.types import Domain


def task_settings(spec: TaskSpec, variant: str = "") -> list[Setting]:
    """The settings that a task declares; `variant` is the prompt variant that was asked, where there are several."""
    settings = [Setting(name=s.name, value=s.value, source=s.source) for s in spec.settings]
    for setting in settings:
        if variant and setting.name == "wording":
            setting.value = variant
    if spec.domain != "shown":
        settings.insert(0, Setting(name="domain", value=f"{spec.domain} emotion", source="task"))
    return settings if spec.answer is None else settings + prose_setting(spec.answer)


def domain_note(task: str, domain: Domain, data: str, labels: Domain) -> list[str]:
    """Says so where a task asks about one domain and the labels of the data set are about the other."""
    if domain == labels:
        return []
    return [
        f"{task} asks about {domain} emotion, and the labels of {data} are about {labels} emotion: "
        "what a picture shows and what it evokes differ, so a wrong answer may be right"
    ]


def prose_setting(answer: Answer, prefix: str = "") -> list[Setting]:
    """Says so where answers that are understood from prose count as unparsed."""
    return (
        []
        if answer.prose == "read"
        else [Setting(name=f"{prefix}answers from prose", value="unparsed", source="run")]
    )


def participant_settings(participant: ParticipantRecord) -> list[Setting]:
    """The options and the identity of a judge or generator."""
    return [
        Setting(name=f"{participant.name}.{name}", value=_plain(value), source=source)
        for source, table in (("options", participant.options), ("identity", participant.identity))
        for name, value in table.items()
        if value is not None
    ]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} -> {inner}" for key, inner in value.items())
    return str(value)
