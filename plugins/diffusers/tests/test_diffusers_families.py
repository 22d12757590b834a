"""The family table and the presets agree with diffusers."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import diffusers
import pytest
from memobench_diffusers.components import check_names, given_components
from memobench_diffusers.families import FAMILIES, family_of
from memobench_diffusers.options import DiffusersOptions
from memobench_diffusers.presets import preset_of, presets
from memobench_diffusers.settings import PipelineCall, resolve_settings

from harness import BadOption

EXPECTED_PRESETS = {
    "sd-1.5", "sd-2.1", "sdxl", "sdxl-turbo", "sd-3.5-medium", "sd-3.5-large", "flux.1-dev", "flux.1-schnell",
    "flux.2-dev", "pixart-sigma", "kandinsky-2.2", "kandinsky-3", "playground-v2.5", "kolors", "hunyuan-dit", "sana",
    "auraflow", "cogview4", "lumina-2", "qwen-image", "flux.2-klein", "flux.2-klein-9b", "z-image", "z-image-turbo",
    "qwen-image-2512", "qwen-image-2.1", "glm-image", "ovis-image", "longcat-image", "hunyuan-image-2.1",
    "ernie-image-turbo", "krea-2-turbo", "sana-sprint", "chroma1-hd", "kandinsky-5-lite",
    "hidream-i1-full", "hidream-i1-dev", "hidream-i1-fast",
}  # fmt: skip
FIELDS = {
    "ref", "licence", "gated", "pipeline", "parameters", "steps", "guidance", "guidance_argument", "width", "height",
    "dtype", "tokens", "status",
}  # fmt: skip


def returned_names(function: Any) -> tuple[str, ...]:
    """The names that a function's last statement returns."""
    body = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0].body  # type: ignore[attr-defined]
    assert isinstance(body[-1], ast.Return)
    assert isinstance(body[-1].value, ast.Tuple)
    return tuple(e.id for e in body[-1].value.elts if isinstance(e, ast.Name))


@pytest.mark.parametrize("name", [n for n, family in FAMILIES.items() if family.embeddings])
def test_encoders_return_the_listed_embeddings(name: str) -> None:
    pipeline = getattr(diffusers, name)
    family = FAMILIES[name]
    assert returned_names(pipeline.encode_prompt) == family.embeddings
    accepts = inspect.signature(pipeline.__call__).parameters
    assert set(family.embeddings) - set(accepts) <= {"text_ids", "negative_text_ids", "image_pad_mask"}
    assert set(family.encode_arguments) <= set(inspect.signature(pipeline.encode_prompt).parameters)


@pytest.mark.parametrize("name", FAMILIES)
def test_guidance_has_the_listed_name(name: str) -> None:
    accepts = inspect.signature(getattr(diffusers, name).__call__).parameters
    assert {FAMILIES[name].guidance_argument} <= set(accepts)


def test_every_expected_model_has_a_preset() -> None:
    assert set(presets()) == EXPECTED_PRESETS
    names = [n for p in presets().values() for n in (p.name, *p.aliases)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", sorted(EXPECTED_PRESETS))
def test_a_preset_matches_its_pipeline(name: str) -> None:
    preset = presets()[name]
    assert set(preset.facts) >= FIELDS
    assert all(fact.source for fact in preset.facts.values())
    assert preset.get("status") == "untested"
    assert preset_of(preset.ref) is preset
    pipeline = getattr(diffusers, preset.get("pipeline"))
    call = PipelineCall(pipeline, resolve_settings(DiffusersOptions(ref=preset.ref), preset))
    assert preset.get("guidance_argument") == family_of(preset.get("pipeline")).guidance_argument
    arguments = call.arguments
    assert arguments["num_inference_steps"] == preset.get("steps")
    assert arguments[preset.get("guidance_argument")] == preset.get("guidance")
    for rewriting, off in (
        ("use_resolution_binning", False),
        ("complex_human_instruction", None),
        ("clean_caption", False),
        ("enable_prompt_rewrite", False),
        ("use_pe", False),
    ):
        assert arguments.get(rewriting, "absent") == (off if rewriting in call.accepts else "absent")


def test_components_of_presets_are_those_of_their_pipelines() -> None:
    with_components = {n: p.get("components") for n, p in presets().items() if p.get("components")}
    assert set(with_components) == {"hidream-i1-full", "hidream-i1-dev", "hidream-i1-fast"}
    for name, components in with_components.items():
        check_names(getattr(diffusers, presets()[name].get("pipeline")), components)
    llama = "meta-llama/Meta-Llama-3.1-8B-Instruct"
    ref = presets()["hidream-i1-full"].ref
    assert given_components(DiffusersOptions(ref=f"{ref}@v1"))["tokenizer_4"] == llama
    mine = given_components(DiffusersOptions(ref=ref, components={"text_encoder_4": "/models/llama"}))
    assert mine == {"text_encoder_4": "/models/llama", "tokenizer_4": llama}


def test_families_that_use_negative_prompts() -> None:
    turbo, qwen, flux = (
        PipelineCall(
            getattr(diffusers, presets()[n].get("pipeline")),
            resolve_settings(DiffusersOptions(ref="x"), presets()[n]),
        )
        for n in ("sdxl-turbo", "qwen-image", "flux.1-dev")
    )
    assert (turbo.uses_negative, qwen.uses_negative, flux.uses_negative) == (False, True, False)


def test_options_override_the_preset_and_both_are_recorded() -> None:
    preset = presets()["flux.1-schnell"]
    chosen = resolve_settings(DiffusersOptions(ref="x", steps=9), preset)
    assert (chosen.steps, chosen.guidance, chosen.max_sequence_length) == (9, 0.0, 256)
    assert '"max_sequence_length": 256' in chosen.to_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"call": {"guidance_rescal": 0.7}}, "guidance_rescale"),
        ({"call": {"prompt": "x"}}, "set by the harness"),
        ({"max_sequence_length": 200}, "max_sequence_length"),
    ],
)
def test_unknown_pipeline_arguments_are_rejected(options: dict[str, Any], message: str) -> None:
    call = PipelineCall(
        diffusers.StableDiffusionPipeline, resolve_settings(DiffusersOptions(ref="x", **options), None)
    )
    with pytest.raises(BadOption, match=message):
        call.arguments  # noqa: B018


def test_image_only_pipelines_are_rejected() -> None:
    with pytest.raises(BadOption, match="does not generate from a prompt"):
        PipelineCall(diffusers.KandinskyV22Pipeline, resolve_settings(DiffusersOptions(ref="x"), None))
