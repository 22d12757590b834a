"""Task and suite files: validation, and errors that name the file, the key and the nearest valid key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.tasks import TASK

from harness import BadTask
from harness.registry.builtins import harness_tasks
from harness.registry.registry import registry
from harness.tasks.spec import SuiteSpec, TaskSpec, load_spec

BUILT_IN = sorted(p for folder in harness_tasks() for p in folder.glob("*.toml"))


def parse(tmp_path: Path, text: str) -> TaskSpec | SuiteSpec:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_spec(path)


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda p: p.stem)
def test_built_in_tasks(path: Path) -> None:
    spec = load_spec(path)
    assert spec.name == path.stem
    assert spec.summary
    if isinstance(spec, TaskSpec):
        assert {m.name for m in spec.metrics} <= {f.component.name for f in registry().components("metric")}
        assert all(s.source for s in spec.settings), "each setting says where it comes from"
        assert any(s.source == "assumed" for s in spec.settings)


def test_the_documented_tasks_exist() -> None:
    names = {p.stem for p in BUILT_IN}
    assert {"coarse_polarity", "coarse_emotion", "fine_intensity", "t2i_emotion", "t2i_intensity"} <= names
    assert {"fine_quality", "nuance_confusable", "nuance_pairs"} <= names
    assert {"comprehension", "generation", "memo-bench"} <= names


def test_every_judge_task_has_several_prompt_variants_and_one_default() -> None:
    for path in BUILT_IN:
        spec = load_spec(path)
        if isinstance(spec, TaskSpec) and spec.role == "judge":
            assert len(spec.prompts) >= 2, spec.name
            assert len(spec.prompt_variants) == 1, spec.name
            (setting,) = [s for s in spec.settings if s.name == "wording"]
            assert (setting.value, setting.source) == (spec.prompt_variants[0].name, "assumed")


def test_defaults(tmp_path: Path) -> None:
    spec = parse(tmp_path, TASK)
    assert isinstance(spec, TaskSpec)
    assert spec.answer is not None
    assert (spec.version, spec.answer.shuffle, spec.answer.labels, spec.answer.scale) == (
        "1",
        True,
        "none",
        None,
    )
    assert spec.answer.read == ("logprobs", "choice", "text")
    assert (spec.sampling.temperature, spec.primary.name) == (0.0, "accuracy")


def test_a_rating_has_a_scale(tmp_path: Path) -> None:
    text = TASK.replace('kind = "choice"', 'kind = "rating"\nlow = 0').replace(
        'name = "accuracy"', 'name = "mae"'
    )
    spec = parse(tmp_path, text)
    assert isinstance(spec, TaskSpec)
    assert spec.answer is not None
    assert spec.answer.scale is not None
    assert (spec.answer.scale.low, spec.answer.scale.high) == (0.0, 5.0)


WRONG = {
    "two primary metrics": ('primary = true', 'primary = true\n[[metrics]]\nname = "kappa"\nprimary = true', "exactly one"),
    "no prompts": ('[[prompts]]\nname = "plain"\ntext = "Which emotion? {options}"', "", "at least one \\[\\[prompts\\]\\]"),
    "no default prompt": ('name = "plain"', 'name = "plain"\ndefault = false', "default = true"),
    "one option": ('"sad", "angry", "surprise", "worry", "neutral"]', "]", "answer.options"),
    "prompt_set of a judge task": ('role = "judge"', 'role = "judge"\nprompt_set = "x"', "belong to generator tasks"),
    "metric of a judge task that asks": ("primary = true", 'primary = true\nasks = "x"', "asks belongs to generator tasks"),
    "generator task with an answer": ('role = "judge"', 'role = "generator"', "needs prompt_set and asks"),
    "rating of a choice": ("[answer.truth]", 'read = ["rating"]\n[answer.truth]', "cannot use the answer mode 'rating'"),
    "unknown answer mode": ("[answer.truth]", 'read = ["guess"]\n[answer.truth]', "answer.read.0: .*'logprobs'"),
    "synonyms of no option": ("[answer.truth]", '[answer.synonyms]\nhapy = ["glad"]\n[answer.truth]', "did you mean 'happy'"),
    "a truth is missing": ('[answer.truth]\nfield = "emotion"', "", "answer: the key 'truth' is missing"),
    "contrast with no option": ("[answer.truth]", '[answer.contrast]\nhappy = ["sda"]\n[answer.truth]', "'sda' is not .*did you mean 'sad'"),
    "contrast of no option": ("[answer.truth]", '[answer.contrast]\nhapy = ["sad"]\n[answer.truth]', "did you mean 'happy'"),
    "contrast with itself": ("[answer.truth]", '[answer.contrast]\nhappy = ["happy"]\n[answer.truth]', "other option"),
    "contrast with nothing": ("[answer.truth]", "[answer.contrast]\nhappy = []\n[answer.truth]", "at least one other option"),
    "contrast of a rating": ('kind = "choice"', 'kind = "rating"\ncontrast = {happy = ["sad"]}', "requires the kind 'choice'"),
    "pairs of a choice": ("[answer]", '[pairs]\nfield = "intensity"\n[answer]', "go together"),
    "a picture twice": ("Which emotion?", "{image} Which emotion? {image}", "plain: {image} must occur once or not at all"),
    "one name for two variants": ("[[metrics]]", '[[prompts]]\nname = "plain"\ntext = "?"\n[[metrics]]', "must be unique"),
    "temperature too high": ("[answer]", "[sampling]\ntemperature = 9.0\n[answer]", "sampling.temperature: .*less than or equal to 2"),
    "no tokens": ("[answer]", "[sampling]\nmax_tokens = 0\n[answer]", "sampling.max_tokens"),
    "wrong key in a table": ('field = "emotion"', 'field = "emotion"\nmaping = {}', "'answer.truth.maping' .*'mapping'"),
    "wrong key in a list": ('name = "plain"', 'name = "plain"\nsytem = ""', "'prompts.0.sytem' .*'system'"),
    "wrong key unlike any": ('role = "judge"', 'role = "judge"\nqqqq = 1', "unknown key 'qqqq' .*known: .*name"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), WRONG.values(), ids=WRONG.keys())
def test_invalid_tasks_are_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in TASK
    with pytest.raises(BadTask, match=message) as error:
        parse(tmp_path, TASK.replace(old, new, 1))
    assert "mine.toml" in error.value.message
    assert "harness schema task" in error.value.hint


PAIRS = TASK.replace(
    'options = ["happy", "sad", "angry", "surprise", "worry", "neutral"]\n\n[answer.truth]\nfield = "emotion"',
    'options = ["first", "second"]\n[pairs]\nfield = "intensity"',
).replace('"choice"', '"pair"')

WRONG_PAIRS = {
    "no table": ('[pairs]\nfield = "intensity"', "", "go together"),
    "no field": ('field = "intensity"', "", "'pairs.field' is missing"),
    "a truth": ("[pairs]", '[answer.truth]\nfield = "emotion"\n[pairs]', "omit it"),
    "three options": ('"second"]', '"second", "tie"]', "two options"),
    "no gap": ("[pairs]", "[pairs]\nsmallest_gap = 0", "smallest_gap"),
    "no emotion": ("[pairs]", '[pairs]\nleave_out = ["neutrl"]', "did you mean 'neutral'"),
    "one picture": (
        "Which emotion?",
        "{image} Which emotion?",
        "twice .first and second picture.",
    ),
    "a rating": ("[pairs]", 'read = ["rating"]\n[pairs]', "a pair cannot use the answer mode 'rating'"),
}


@pytest.mark.parametrize(("old", "new", "message"), WRONG_PAIRS.values(), ids=WRONG_PAIRS.keys())
def test_invalid_pairs_are_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    spec = parse(tmp_path, PAIRS)
    assert isinstance(spec, TaskSpec)
    assert spec.answer is not None
    assert (spec.answer.scored, spec.answer.truth.field) == ("choice", "stronger")
    assert old in PAIRS
    with pytest.raises(BadTask, match=message):
        parse(tmp_path, PAIRS.replace(old, new, 1))


def test_metrics_of_a_generator_task_name_a_judge_task(tmp_path: Path) -> None:
    text = """
name = "mine"
role = "generator"
stage = "coarse"
prompt_set = "few"
asks = ["coarse_emotion"]
[[metrics]]
name = "fidelity"
asks = "coarse_emotoin"
primary = true
"""
    with pytest.raises(BadTask, match="asks must be one of coarse_emotion"):
        parse(tmp_path, text)
    assert parse(tmp_path, text.replace("emotoin", "emotion")).name == "mine"


def test_suites(tmp_path: Path) -> None:
    suite = parse(tmp_path, 'kind = "suite"\nname = "mine"\ntasks = ["coarse_emotion"]\n')
    assert isinstance(suite, SuiteSpec)
    with pytest.raises(BadTask, match="the key 'tasks' is missing"):
        parse(tmp_path, 'kind = "suite"\nname = "mine"\n')


@pytest.mark.parametrize("value", ['"judge\\u0000"', "3", "[]", "true"])
def test_wrong_types_are_reported(value: str, tmp_path: Path) -> None:
    with pytest.raises(BadTask, match="role: input should be"):
        parse(tmp_path, TASK.replace('role = "judge"', f"role = {value}"))


def test_specs_survive_a_round_trip(tmp_path: Path) -> None:
    """Runs keep the resolved task in run.json and are scored from it."""
    for path in BUILT_IN:
        spec = load_spec(path)
        dumped: dict[str, Any] = spec.model_dump(mode="json")
        assert type(spec).model_validate(dumped) == spec
