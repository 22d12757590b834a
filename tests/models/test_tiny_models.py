"""The tiny models load like models from the hub and are reproducible."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness import MissingPackage
from harness.tasks.catalog import find_tasks
from harness.tasks.prompts import render
from harness.testing.models import llava, small_llava, tiny_llava, tiny_qwen2_5_vl, tiny_qwen2_vl

BUILDERS = {"llava": tiny_llava, "qwen2_vl": tiny_qwen2_vl, "qwen2_5_vl": tiny_qwen2_5_vl}
FILES = {"model.safetensors", "config.json", "tokenizer.json", "processor_config.json", "chat_template.jinja"}


@pytest.fixture(scope="module", params=BUILDERS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return BUILDERS[request.param](tmp_path_factory.mktemp("model") / "a new folder")


@pytest.fixture(scope="module")
def loaded(built: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    return AutoModelForImageTextToText.from_pretrained(built), AutoProcessor.from_pretrained(built)


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def prompt(processor: Any, text: str) -> str:
    content = [{"type": "image"}, {"type": "text", "text": text}]
    rendered: str = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )
    return rendered


@pytest.mark.e2e
def test_the_folder_has_the_files_of_a_hub_model(built: Path) -> None:
    assert {path.name for path in built.iterdir()} >= FILES
    assert sum(path.stat().st_size for path in built.iterdir()) < 5_000_000


@pytest.mark.e2e
def test_answers_depend_on_the_picture_and_are_reproducible(loaded: tuple[Any, Any]) -> None:
    model, processor = loaded
    colours = ("red", "blue", "white", "black", "grey", "green")
    inputs = processor(
        images=[Image.new("RGB", (90, 90), colour) for colour in colours],
        text=[prompt(processor, "Which emotion?")] * len(colours),
        return_tensors="pt",
    )
    answers = [model.generate(**inputs, max_new_tokens=4, do_sample=False)[:, -4:].tolist() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len({tuple(answer) for answer in answers[0]}) >= 4


@pytest.mark.e2e
@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_the_seed_determines_the_weights(build: Callable[..., Path], tmp_path: Path) -> None:
    import torch

    before = torch.random.get_rng_state()
    first, again, other = (digest(build(tmp_path / str(n), seed=seed)) for n, seed in enumerate((3, 3, 4)))
    assert first == again != other
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.e2e
def test_the_chat_template_has_one_image_token(loaded: tuple[Any, Any]) -> None:
    _, processor = loaded
    text = prompt(processor, "How strong is it?")
    assert text.count(processor.image_token) == 1
    assert "How strong is it?" in text


@pytest.mark.e2e
def test_a_template_can_be_replaced_or_omitted(tmp_path: Path) -> None:
    from transformers import AutoProcessor

    custom = tiny_llava(tmp_path / "custom", chat_template="{{ messages[0]['content'][1]['text'] }}")
    assert prompt(AutoProcessor.from_pretrained(custom), "Well?") == "Well?"
    bare = tiny_qwen2_vl(tmp_path / "bare", chat_template=None)
    assert AutoProcessor.from_pretrained(bare).chat_template is None
    assert not (bare / "chat_template.jinja").exists()


@pytest.mark.e2e
def test_llava_has_the_tensor_names_that_vllm_reads(tmp_path: Path) -> None:
    from safetensors import safe_open

    with safe_open(tiny_llava(tmp_path) / "model.safetensors", "pt") as weights:
        vision = [name for name in weights.keys() if "vision_tower" in name]  # noqa: SIM118 - not a mapping
    assert vision
    assert all(name.startswith("vision_tower.vision_model.") for name in vision)


@pytest.mark.e2e
def test_each_word_of_the_built_in_tasks_is_one_token() -> None:
    tokenizer = llava()[1].tokenizer
    for task in find_tasks(["comprehension"]):
        answer = task.spec.answer
        assert answer is not None
        for variant in task.spec.prompts:
            text = render(variant, answer, answer.options, "worry")[0].parts[-1].text
            pieces = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
            assert len(tokenizer.encode(text, add_special_tokens=False)) == len(pieces), (
                task.spec.name,
                text,
            )
        for option in answer.options:
            assert len(tokenizer.encode(" " + option, add_special_tokens=False)) == len(option.split())


@pytest.mark.e2e
def test_llava_texts_begin_with_the_start_token_once() -> None:
    tokenizer = llava()[1].tokenizer
    assert tokenizer("Yes.")["input_ids"].count(tokenizer.bos_token_id) == 1


@pytest.mark.e2e
def test_the_small_llava_has_the_documented_size(tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForImageTextToText

    folder = small_llava(tmp_path)
    config = AutoConfig.from_pretrained(folder)
    assert (config.vision_config.image_size, config.image_seq_length) == (224, 196)
    assert (
        28e6 < sum(p.numel() for p in AutoModelForImageTextToText.from_pretrained(folder).parameters()) < 33e6
    )


def test_a_missing_package_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackage, match="transformers") as raised:
        tiny_llava(tmp_path / "model")
    assert "pip install" in raised.value.hint
    assert not (tmp_path / "model").exists()
