"""`harness presets check`: every preset holds with the installed versions, and each fault has a clear line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from memobench_vllm.judge import VllmJudge

from harness import PresetCheck
from harness.hub import read_presets
from harness.mllm import presets
from harness.testing.models import tiny_llava

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: Look! {% endfor %}"
"""A chat template without a place for a picture."""


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a model without its weights."""
    folder = tiny_llava(tmp_path_factory.mktemp("models") / "llava")
    (folder / "model.safetensors").unlink()
    return folder


@pytest.fixture
def copied(llava: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(llava, tmp_path / "model"))


def checks(ref: object, facts: Mapping[str, str] | None = None, **options: Any) -> dict[str, PresetCheck]:
    judge = VllmJudge(VllmJudge.Options(ref=str(ref), **options))
    return {check.name: check for check in judge.check_preset(facts or {})}


def failed(found: Mapping[str, PresetCheck]) -> dict[str, str]:
    return {name: check.problem for name, check in found.items() if check.problem}


def edit(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_everything_holds_for_a_whole_model_without_weights(llava: Path) -> None:
    found = checks(llava)
    assert list(found) == ["reference", "files", "architecture", "template", "options"]
    assert {check.state for check in found.values()} == {"held"}


@pytest.mark.parametrize("name", sorted(presets()))
def test_each_included_preset_holds(name: str) -> None:
    preset = presets()[name]
    found = checks(preset.ref, {key: value for key, value, _ in preset.table()})
    assert not failed(found)
    assert "architecture" in found
    if preset.get("vllm"):
        assert found["architecture"].state == found["reference"].state == "held"
        form = "{text}" in preset.get("prompt")
        assert found["template"].state == ("held" if form else "skipped")
    else:
        assert f"transformers:{name}" in found["architecture"].skipped


@pytest.mark.parametrize(
    ("ref", "says"),
    [("/no/such/folder", "neither an existing folder"), ("llavaa", "'llavaa'"), ("org/name@", "no revision"), ("a/b/c", "a/b/c")],
)  # fmt: skip
def test_a_reference_of_a_wrong_form(ref: str, says: str) -> None:
    found = checks(ref)
    assert list(found) == ["reference"]
    assert says in found["reference"].problem
    assert found["reference"].fix


def test_an_architecture_that_vllm_does_not_know(copied: Path) -> None:
    edit(copied / "config.json", architectures=["LlavaForConditionalGenerations"])
    found = checks(copied)
    assert list(failed(found)) == ["architecture"]
    assert "does not know the architecture 'LlavaForConditionalGenerations'" in found["architecture"].problem
    assert "'LlavaForConditionalGeneration'" in found["architecture"].fix
    assert not failed(checks(copied, hf_overrides={"architectures": ["LlavaForConditionalGeneration"]}))
    edit(copied / "config.json", architectures=["LlamaForCausalLM"])
    assert "takes no pictures" in checks(copied)["architecture"].problem


def test_an_architecture_that_only_the_preset_states(llava: Path) -> None:
    found = checks("somebody/model", {"architecture": "NoSuchModel"})
    assert "does not know the architecture 'NoSuchModel'" in found["architecture"].problem
    assert checks("somebody/model")["architecture"].skipped
    other = checks(llava, {"architecture": "Qwen2VLForConditionalGeneration"})
    assert "config.json" in other["architecture"].problem
    assert "'LlavaForConditionalGeneration'" in other["architecture"].problem


def test_a_preset_file_with_a_wrong_architecture(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        '[mine]\nref = { value = "org/mine", source = "card" }\narchitecture = { value = "Wrong", source = "card" }\n'
    )
    facts = {name: value for name, value, _ in read_presets(file)["mine"].table()}
    assert "'Wrong'" in checks("org/mine", facts)["architecture"].problem


def test_a_template_without_a_place_for_the_picture(copied: Path, tmp_path: Path) -> None:
    (copied / "chat_template.jinja").write_text(TEMPLATE)
    assert "no place for the picture" in failed(checks(copied))["template"]
    given = tmp_path / "given.jinja"
    given.write_text(TEMPLATE)
    for ref, facts in (("org/mine", {"image_token": "<image>"}), ("org/mine", {})):
        found = checks(ref, facts, chat_template=str(given))
        assert list(failed(found)) == ["template"]
        assert found["template"].fix
    (copied / "chat_template.jinja").write_text("{{ messages[9].content }}")
    assert "failed" in failed(checks(copied))["template"]


@pytest.mark.parametrize(
    ("file", "check", "says"),
    [
        ("config.json", "reference", "no config.json"),
        ("chat_template.jinja", "template", "no chat template"),
        ("tokenizer.json", "files", "no tokenizer"),
        ("processor_config.json", "files", "no image processor"),
    ],
)
def test_a_missing_file(file: str, check: str, says: str, copied: Path) -> None:
    (copied / file).unlink()
    (copied / "preprocessor_config.json").unlink(missing_ok=True)
    found = checks(copied)
    assert says in found[check].problem
    assert found[check].fix


def test_a_missing_file_that_an_option_names() -> None:
    assert "cannot be read" in failed(checks("org/mine", chat_template="/no/file.jinja"))["template"]
    assert "adapter_config.json" in failed(checks("org/mine", lora=str(Path(__file__).parent)))["adapter"]


def test_damaged_files(copied: Path) -> None:
    (copied / "tokenizer.json").write_text("{")
    assert "cannot be loaded" in failed(checks(copied))["options"]
    (copied / "config.json").write_text("{")
    assert "not valid JSON" in failed(checks(copied))["architecture"]


def test_options_that_a_tokenizer_cannot_tell_apart(copied: Path) -> None:
    tokenizer = json.loads((copied / "tokenizer.json").read_text())
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"String": "sad"}, "content": "happy"}
    (copied / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "the same tokens" in failed(checks(copied))["options"]


def test_nothing_is_asked_of_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert not failed(checks("llava"))
    assert not failed(checks("somebody/model", {"architecture": "LlavaForConditionalGeneration"}))


@pytest.fixture
def in_cache(llava: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model in the cache of the hub, as a download leaves it."""
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    commit = "0" * 40
    folder = cache / "models--somebody--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    shutil.copytree(llava, folder / "snapshots" / commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return folder / "snapshots" / commit


def test_a_model_in_the_cache_is_looked_at(in_cache: Path) -> None:
    assert {check.state for check in checks("somebody/model").values()} == {"held"}
    (in_cache / "tokenizer.json").unlink()
    found = checks("somebody/model")
    assert not failed(found)
    assert "no tokenizer" in found["files"].skipped


def test_the_command_checks_presets(command: Callable[..., Any]) -> None:
    shown = command("presets", "check", "nano-vllm", "llava", "--json")
    assert shown.code == 0, shown.err
    document = json.loads(shown.out)
    assert {one["name"]: one["state"] for one in document["presets"]} == {
        "nano-vllm": "held",
        "llava": "held",
    }
    assert (document["held"], document["failed"]) == (2, 0)
