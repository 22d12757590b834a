"""Components that come from another folder than the pipeline: HiDream-I1 without its fourth text encoder."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
import torch
import transformers
from memobench_diffusers.components import _class_of
from memobench_diffusers.generator import DiffusersGenerator
from memobench_diffusers.options import DiffusersOptions
from memobench_diffusers.preset_check import check

from harness import BadOption, HarnessError, RequestError
from harness.hub import Resolved
from harness.testing.pipelines import pipeline, tiny_pipeline

pytestmark = pytest.mark.e2e
NAMES = ("text_encoder_4", "tokenizer_4")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The whole pipeline, the pipeline as it is published, and the folder of the language model with its tokenizer."""
    root = tmp_path_factory.mktemp("parts")
    whole = pipeline("hidream")
    tiny_pipeline(root / "whole", "hidream")
    whole.text_encoder_4.save_pretrained(root / "llama")
    whole.tokenizer_4.save_pretrained(root / "llama")
    whole.tokenizer_4.save_pretrained(root / "tokenizer")
    whole.register_modules(**dict.fromkeys(NAMES))
    whole.save_pretrained(root / "published")
    return SimpleNamespace(**{name: root / name for name in ("whole", "llama", "tokenizer", "published")})


def given(folder: object, *names: str) -> dict[str, str]:
    return dict.fromkeys(names or NAMES, str(folder))


@pytest.fixture
def generator() -> Iterator[Callable[..., DiffusersGenerator]]:
    made: list[DiffusersGenerator] = []

    def make(ref: object, **options: Any) -> DiffusersGenerator:
        made.append(DiffusersGenerator(DiffusersGenerator.Options(ref=str(ref), steps=2, **options)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_images_are_those_of_the_whole_pipeline(parts: Any, generator: Any, helpers: Any) -> None:
    requests = helpers.make_requests(2)
    whole = helpers.pixels(list(generator(parts.whole).generate(requests)))
    for components in (given(parts.llama), given(parts.llama, NAMES[0]) | given(parts.tokenizer, NAMES[1])):
        composed = generator(parts.published, components=components, dtype="float32")
        images = helpers.pixels(list(composed.generate(requests)))
        assert helpers.max_difference(whole, images) <= 1
        assert composed._pipeline.text_encoder_4.dtype == torch.float32


def test_components_are_loaded_in_the_data_type_of_the_model(parts: Any, generator: Any) -> None:
    composed = generator(parts.published, components=given(parts.llama), dtype="bfloat16")
    composed.open()
    assert {composed._pipeline.text_encoder_4.dtype, composed._pipeline.transformer.dtype} == {torch.bfloat16}


def test_a_component_whose_folder_is_missing_may_come_from_elsewhere(
    parts: Any, generator: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "incomplete"
    shutil.copytree(parts.whole, folder, ignore=shutil.ignore_patterns(*NAMES))
    with pytest.raises(RequestError, match="component 'text_encoder_4' is missing"):
        generator(folder).identity()
    generator(folder, components=given(parts.llama)).open()


def test_a_component_that_is_nowhere_is_named(parts: Any, generator: Any) -> None:
    with pytest.raises(RequestError, match="'text_encoder_4', which HiDreamImagePipeline needs") as raised:
        generator(parts.published, components=given(parts.llama, "tokenizer_4")).open()
    assert """-o components='{"text_encoder_4": "ORG/NAME"}'""" in raised.value.hint


def test_the_identity_names_where_components_come_from(parts: Any, generator: Any, tmp_path: Path) -> None:
    def identity(folder: Path, **more: str) -> dict[str, str]:
        return dict(generator(parts.published, components=given(folder) | more).identity())

    changed = tmp_path / "changed"
    shutil.copytree(parts.llama, changed)
    first = identity(parts.llama)
    assert set(first) - set(generator(parts.whole).identity()) == {f"components.{n}" for n in NAMES}
    assert first == identity(changed), "the place of the same files does not matter"
    config = changed / "generation_config.json"
    config.write_text(config.read_text() + "\n")
    assert first["components.text_encoder_4"] != identity(changed)["components.text_encoder_4"]
    alone = identity(parts.llama, tokenizer_4=str(parts.tokenizer))
    assert alone["components.tokenizer_4"] != first["components.tokenizer_4"]


def test_a_component_of_the_hub_is_identified_by_its_commit(
    parts: Any, generator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789" * 4
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--org--llama" / "snapshots" / commit
    shutil.copytree(parts.llama, snapshot)
    refs = tmp_path / "models--org--llama" / "refs"
    refs.mkdir()
    (refs / "main").write_text(commit)
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache",
        lambda name, file, revision=None: str(snapshot / file) if name == "org/llama" else None,
    )
    identity = generator(parts.published, components=given("org/llama")).identity()
    assert identity["components.text_encoder_4"] == f"org/llama@{commit}"
    shutil.rmtree(snapshot)
    shutil.copytree(parts.tokenizer, snapshot)
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache",
        lambda name, file, revision=None: str(snapshot / file) if (snapshot / file).is_file() else None,
    )
    mixed = given(parts.llama, "text_encoder_4") | given("org/llama", "tokenizer_4")
    identity = generator(parts.published, components=mixed).identity()
    assert identity["components.tokenizer_4"] == f"org/llama@{commit}", "a tokenizer alone"
    with pytest.raises(RequestError, match="'text_encoder_4'"):
        generator(parts.published, components=given("org/llama")).identity()


@pytest.mark.parametrize(
    ("name", "hint"), [("text_encoder_5", "'text_encoder_4'"), ("tokenizer4", "'tokenizer_4'")]
)
def test_a_wrong_name_gets_the_nearest_right_one(name: str, hint: str, parts: Any, generator: Any) -> None:
    with pytest.raises(BadOption, match=f"no component {name!r}") as raised:
        generator(parts.published, components=given(parts.llama, name)).identity()
    assert f"Did you mean {hint}?" in raised.value.hint


def test_a_scheduler_is_chosen_by_its_option(tiny: Any, parts: Any, generator: Any) -> None:
    with pytest.raises(BadOption, match="'scheduler' of StableDiffusionPipeline") as raised:
        generator(tiny("sd-1.5"), components=given(tiny("sd-1.5") / "vae", "scheduler"), device="cpu").open()
    assert "-o scheduler=" in raised.value.hint


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("no/such/folder", "Component 'text_encoder_4': The model 'no/such/folder' is neither an existing"),
        ("org/llama", "'org/llama' is not in the local cache"),
    ],
)
def test_a_missing_model_is_named_with_its_component(
    where: str, message: str, parts: Any, generator: Any
) -> None:
    with pytest.raises(RequestError, match=message):
        generator(parts.published, components=given(where)).identity()


def test_pickled_weights_and_incomplete_files_are_refused(parts: Any, generator: Any, tmp_path: Path) -> None:
    pickled, cut = tmp_path / "pickled", tmp_path / "cut"
    for folder in (pickled, cut):
        shutil.copytree(parts.llama, folder)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(RequestError, match=r"weights only in 'pytorch_model\.bin'"):
        generator(parts.published, components=given(pickled)).identity()
    with pytest.raises(RequestError, match="are incomplete"):
        generator(parts.published, components=given(cut)).identity()


def test_a_model_of_another_kind_is_refused(parts: Any, generator: Any, tiny: Any) -> None:
    """Its weights would not fit, and would be left random."""
    other = tiny("z-image") / "text_encoder"
    with pytest.raises(RequestError, match=r"must be LlamaForCausalLM, but .* is Qwen3Model"):
        generator(parts.published, components=given(parts.llama) | {"text_encoder_4": str(other)}).open()


@pytest.mark.parametrize(
    ("stored", "wanted", "fits"),
    [
        ({"model_type": "clip", "architectures": ["CLIPModel"]}, "CLIPTextModel", True),
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "T5EncoderModel", True),
        (
            {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]},
            "Qwen2_5_VLForConditionalGeneration",
            False,
        ),
        ({"_class_name": "AutoencoderKL"}, "AutoencoderKL", True),
        ({"_class_name": "AutoencoderDC"}, "AutoencoderKL", False),
    ],
)
def test_a_model_fits_by_its_kind(stored: dict[str, Any], wanted: str, fits: bool, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(stored))
    candidate = getattr(transformers, wanted, None) or getattr(diffusers, wanted)
    found = Resolved("local", str(tmp_path), tmp_path)
    if fits:
        assert _class_of("part", (candidate,), found) is candidate
    else:
        with pytest.raises(RequestError, match=f"must be {wanted}"):
            _class_of("part", (candidate,), found)


def test_a_gated_repository_is_named(parts: Any, generator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*arguments: Any, **options: Any) -> None:
        raise OSError("Cannot access gated repo for url https://huggingface.co/x")

    composed = generator(parts.published, components=given(parts.llama))
    monkeypatch.setattr("transformers.LlamaForCausalLM.from_pretrained", denied)
    with pytest.raises(HarnessError, match="denied the download") as raised:
        composed.open()
    assert str(parts.llama) in raised.value.message


def test_repository_code_is_never_run(parts: Any, generator: Any, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    shutil.copytree(parts.llama, folder)
    (folder / "mine.py").write_text("raise SystemExit('was run')")
    for name in ("config.json", "tokenizer_config.json"):
        stored = json.loads((folder / name).read_text())
        classes = {"AutoModelForCausalLM": "mine.Mine", "AutoTokenizer": ["mine.Mine", "mine.Mine"]}
        (folder / name).write_text(json.dumps(stored | {"auto_map": classes}))
    composed = generator(parts.published, components=given(folder))
    composed.open()
    assert "mine" not in sys.modules


def test_a_preset_is_checked_with_its_components(parts: Any) -> None:
    def problems(**components: str) -> dict[str, str]:
        options = DiffusersOptions(ref=str(parts.published), components=components)
        return {c.name: c.problem for c in check(options, {})}

    assert problems(**given(parts.llama)) == dict.fromkeys(
        ("reference", "files", "pipeline", "components", "arguments"), ""
    )
    assert "no component 'text_encoder_5'" in problems(text_encoder_5="org/llama")["components"]
    assert "neither an existing folder" in problems(text_encoder_4="llama")["components"]
    assert "components" not in problems()
