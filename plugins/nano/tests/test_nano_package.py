"""The distribution: entry points, imports, shipped weights."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import pytest
from memobench_nano import plugin

from harness import Judge, MissingPackage
from harness.testing.command import modules_imported_by

CARD = (plugin.WEIGHTS / "MODEL_CARD.md").read_text(encoding="utf-8")
HEAVY = {"torch", "transformers", "vllm", "numpy", "pydantic", "PIL"}


def without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    """Simulate that some packages are not installed."""

    def fake_find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in missing else find_spec(name, package)

    monkeypatch.setattr(plugin, "find_spec", fake_find_spec)


def test_the_entry_module_imports_nothing_heavy() -> None:
    loaded = modules_imported_by("import memobench_nano.plugin as p; p.harness_judges()")
    assert "memobench_nano" in loaded
    assert not loaded & HEAVY


def test_every_way_to_run_it_names_the_generator_of_its_training_data() -> None:
    assert [component.trained_on for component in plugin.harness_judges()] == [("portraits",)] * 3


def test_the_weights_match_the_checksum_in_the_card() -> None:
    file = plugin.WEIGHTS / "model.safetensors"
    stated = re.search(r"SHA-256[^`]*`([0-9a-f]{64})`", CARD)
    assert stated is not None
    assert hashlib.sha256(file.read_bytes()).hexdigest() == stated[1]
    assert file.stat().st_size <= 5_000_000


def test_the_folder_is_complete_and_contains_no_code() -> None:
    names = {path.name for path in plugin.WEIGHTS.iterdir()}
    assert names == {
        "MODEL_CARD.md",
        "training.log",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    }
    assert "auto_map" not in json.loads((plugin.WEIGHTS / "config.json").read_text(encoding="utf-8"))


def test_the_card_states_purpose_and_training_data() -> None:
    log = (plugin.WEIGHTS / "training.log").read_text(encoding="utf-8")
    words = " ".join(CARD.split())
    assert "not a benchmark result" in words
    assert "no person of the data set" in words
    assert f"{2_091_520:,} parameters" in log
    assert f"{2_091_520:,} parameters" in words


def test_three_judges_share_one_folder() -> None:
    judges = plugin.harness_judges()
    assert [judge.name for judge in judges] == ["nano", "nano-vllm", "nano-transformers"]
    assert {judge.defaults["ref"] for judge in judges} == {str(plugin.WEIGHTS)}


def test_nano_runs_on_transformers_without_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in ("vllm", "memobench_vllm"):
        without(monkeypatch, missing)
        judge = plugin.default_judge()
        assert judge.__module__.startswith("memobench_transformers")
        assert issubclass(judge, Judge)


def test_a_missing_backend_is_reported_with_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "vllm")
    with pytest.raises(MissingPackage, match="'vllm'") as raised:
        plugin.vllm_judge()
    assert raised.value.hint == "Install it: pip install vllm"
    without(monkeypatch, "memobench_vllm")
    with pytest.raises(MissingPackage, match="'memobench-plugin-vllm'") as raised:
        plugin.vllm_judge()
    assert raised.value.hint.endswith("plugins/vllm")


@pytest.mark.e2e
def test_nano_prefers_vllm() -> None:
    assert plugin.default_judge().__module__.startswith("memobench_vllm")


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["nano", "nano-vllm", "nano-transformers"])
def test_its_defaults_are_options_of_its_backend(name: str) -> None:
    component = next(judge for judge in plugin.harness_judges() if judge.name == name)
    judge_class = component.load()
    judge = judge_class(judge_class.Options(**component.defaults))
    assert (judge.options.ref, judge.options.dtype) == (str(plugin.WEIGHTS), "float32")
