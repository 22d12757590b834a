"""Generation: every family, batch invariance, and the outcomes of unusable images."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from memobench_diffusers.failures import Cancelled, PipelineFailed
from memobench_diffusers.families import REWRITING_OFF
from PIL import Image

from harness import ImageRequest, MissingPackage
from harness.testing.pipelines import FAMILIES, pipeline

pytestmark = pytest.mark.e2e
OWN_SIZE = {"kandinsky5": 128, "hidream": 128}
"""Families that make other sizes than asked: the width and height of their images."""
SLOW = ("glm-image", "kandinsky5")


@pytest.mark.parametrize("family", FAMILIES)
def test_an_image_depends_only_on_its_request(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    requests = helpers.make_requests(3 if family in SLOW else 6)
    large = helpers.pixels(list(make(tiny(family), batch_size=4).generate(requests)))
    small = helpers.pixels(list(make(tiny(family), batch_size=2).generate(requests[::-1])))
    single = make(tiny(family), batch_size=1, cache_mb=0)
    alone = helpers.pixels([r for q in requests[len(requests) // 2 :] for r in single.generate([q])])
    assert helpers.max_difference(large, small) <= 1
    assert helpers.max_difference({k: large[k] for k in alone}, alone) <= 1
    assert len(set(large.values())) == len(requests)
    assert {len(p) for p in large.values()} == {OWN_SIZE.get(family, 32) ** 2 * 3}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_prompt_affects_the_image(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    requests = [ImageRequest("a", "A happy person", seed=1), ImageRequest("b", "A sad dog, far away", seed=1)]
    images = helpers.pixels(list(make(tiny(family)).generate(requests)))
    assert images["a"] != images["b"]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_image_equals_the_output_of_a_direct_pipeline_call(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    [request] = helpers.make_requests(1)
    images = helpers.pixels(list(make(tiny(family)).generate([request])))
    direct = pipeline(family)
    direct.set_progress_bar_config(disable=True)
    accepts = inspect.signature(type(direct).__call__).parameters
    further = {name: value for name, value in REWRITING_OFF.items() if name in accepts}
    output = direct(
        prompt=request.prompt,
        num_inference_steps=2,
        width=32,
        height=32,
        **further,
        generator=torch.Generator().manual_seed(request.seed),
    )
    image = (output.images if hasattr(output, "images") else output.image)[0]
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    assert helpers.max_difference(images, {"r0": image.tobytes()}) <= 1


@pytest.mark.parametrize("family", ["krea2", "kandinsky5"])
def test_a_family_that_needs_accelerate_says_so(
    family: str,
    tiny: Callable[..., Path],
    make: Callable[..., Any],
    helpers: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("diffusers.utils.import_utils._accelerate_available", False)
    with pytest.raises(MissingPackage, match="accelerate"):
        list(make(tiny(family)).generate(helpers.make_requests(1)))


@pytest.mark.parametrize(
    "family",
    [
        *("flux2-klein", "z-image", "qwen-image", "ovis-image", "chroma", "longcat-image"),
        *("kandinsky5", "hidream"),
    ],
)
def test_negative_prompts_of_families_with_a_language_model(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    guided = make(tiny(family), batch_size=4)
    n = 2 if family in SLOW else 4
    plain, negative = helpers.make_requests(n), helpers.make_requests(n, negative_prompt="glasses")
    first, second = (
        helpers.pixels(list(guided.generate(plain))),
        helpers.pixels(list(guided.generate(negative))),
    )
    assert all(first[key] != second[key] for key in first)


def test_each_image_has_its_requested_size(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    sizes = [(32, 32), (48, 32), (32, 48), None, (48, 32)]
    requests = [ImageRequest(f"s{i}", "A person", seed=i, size=size) for i, size in enumerate(sizes)]
    images = list(make(tiny("sd-1.5")).generate(requests))
    assert {r.id: r.image.size for r in images} == {f"s{i}": size or (32, 32) for i, size in enumerate(sizes)}


def test_a_size_that_the_model_chose_is_reported(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    [own] = make(tiny("hidream")).generate(helpers.make_requests(1))
    assert own.extra["size"] == "made at 128 x 128, which this model chose"
    [asked] = make(tiny("hidream"), width=128, height=128).generate(helpers.make_requests(1))
    assert "size" not in asked.extra


@pytest.mark.parametrize("family", ["hidream", "sd3"])
def test_noise_that_a_scheduler_adds_at_each_step_depends_on_the_request(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    noisy = {"scheduler": "FlowMatchLCMScheduler"}
    requests = helpers.make_requests(3)
    together = helpers.pixels(list(make(tiny(family), batch_size=3, **noisy).generate(requests)))
    alone = helpers.pixels(list(make(tiny(family), batch_size=1, **noisy).generate(requests[::-1])))
    assert helpers.max_difference(together, alone) <= 1
    plain = helpers.pixels(list(make(tiny(family), batch_size=3).generate(requests)))
    assert all(plain[key] != together[key] for key in plain)


def test_a_negative_prompt_changes_the_image_or_is_reported_as_not_read(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    plain, negative = helpers.make_requests(1), helpers.make_requests(1, negative_prompt="glasses")
    guided = make(tiny("sd-1.5"))
    [reply] = guided.generate(negative)
    assert helpers.pixels([reply]) != helpers.pixels(list(guided.generate(plain)))
    assert "negative_prompt" not in reply.extra
    unguided = make(tiny("sd-1.5"), guidance=1.0)
    [reply] = unguided.generate(negative)
    assert helpers.pixels([reply]) == helpers.pixels(list(unguided.generate(plain)))
    assert reply.extra["negative_prompt"] == "not read by this model"
    flux = make(tiny("flux"), call={"true_cfg_scale": 3.0})
    assert helpers.pixels(list(flux.generate(negative))) != helpers.pixels(list(flux.generate(plain)))


def test_options_that_affect_images(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    images = [
        helpers.pixels(list(make(tiny("sd-1.5"), **options).generate(helpers.make_requests(1))))["r0"]
        for options in (
            {},
            {"steps": 3},
            {"guidance": 2.0},
            {"scheduler": "EulerDiscreteScheduler"},
            {"call": {"guidance_rescale": 0.9}},
            {"dtype": "bfloat16"},
        )
    ]
    assert len(set(images)) == len(images)


def test_options_that_do_not_affect_images(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    plain = helpers.pixels(list(make(tiny("sd-1.5")).generate(helpers.make_requests(3))))
    for options in ({"attention_slicing": True}, {"vae_slicing": True}, {"cache_mb": 0}):
        images = helpers.pixels(list(make(tiny("sd-1.5"), **options).generate(helpers.make_requests(3))))
        assert helpers.max_difference(plain, images) <= 1, options


def test_each_distinct_prompt_is_encoded_once(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny("sd-1.5"))
    generator.open()
    rows: list[int] = []
    generator._pipeline.text_encoder.register_forward_hook(lambda m, i, o: rows.append(len(o[0])))
    helpers.pixels(list(generator.generate(helpers.make_requests(10))))
    helpers.pixels(list(generator.generate(helpers.make_requests(10))))
    # Five prompts, each with its (empty) negative prompt, in two chunks: of four and of one.
    assert rows == [4, 4, 1, 1]


def test_the_prompt_cache_is_bounded(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny("sd3"), cache_mb=1)
    requests = [ImageRequest(f"c{i}", f"Person number {i}", seed=i, size=(16, 16)) for i in range(24)]
    helpers.pixels(list(generator.generate(requests)))
    held = sum(e.nbytes for e in generator._encoder._cache.values())
    assert held == generator._encoder._cached_bytes <= 2**20
    assert 1 < len(generator._encoder._cache) < 24
    assert next(reversed(generator._encoder._cache))[0] == "Person number 23"


def test_images_stopped_by_the_safety_checker_are_blocked(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    stopped = list(make(tiny("sd-1.5", "blocks")).generate(helpers.make_requests(3)))
    assert [(r.outcome, r.image, r.extra["reason"]) for r in stopped] == [
        ("blocked", None, "safety checker")
    ] * 3
    passed = helpers.pixels(list(make(tiny("sd-1.5", "passes")).generate(helpers.make_requests(3))))
    unchecked = helpers.pixels(list(make(tiny("sd-1.5")).generate(helpers.make_requests(3))))
    assert helpers.max_difference(passed, unchecked) <= 1


@pytest.mark.parametrize(("bias", "reason"), [(-9.0, "all black"), (float("nan"), "not a number")])
def test_an_empty_image_is_blank(
    bias: float, reason: str, tmp_path: Path, make: Callable[..., Any], helpers: Any
) -> None:
    broken = pipeline("sd-1.5")
    torch.nn.init.zeros_(broken.vae.decoder.conv_out.weight)
    torch.nn.init.constant_(broken.vae.decoder.conv_out.bias, bias)
    broken.save_pretrained(tmp_path / "broken")
    replies = list(make(tmp_path / "broken").generate(helpers.make_requests(2)))
    assert [(r.outcome, r.image, r.extra) for r in replies] == [("blank", None, {"reason": reason})] * 2


def test_an_impossible_size_does_not_affect_other_requests(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    requests = [*helpers.make_requests(2), ImageRequest("odd", "A person", seed=1, size=(33, 33))]
    replies = {r.id: r for r in make(tiny("sd-1.5")).generate(requests)}
    assert [replies[k].outcome for k in ("r0", "r1", "odd")] == ["ok", "ok", "error"]
    assert "divisible by 8" in replies["odd"].error.message
    assert not replies["odd"].error.retryable


def test_transparency_is_laid_on_white_and_pictures_may_have_another_name(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny("sd-1.5"))
    generator.open()
    pixels = np.zeros((1, 4, 4, 4), dtype=np.float32)
    pixels[..., 0], pixels[:, :2, :, 3] = 1.0, 1.0
    # As Kandinsky 5 returns them, and Qwen-Image 2.1.
    generator._runner._pipeline = lambda **_: SimpleNamespace(image=pixels)
    [reply] = generator.generate(helpers.make_requests(1))
    assert reply.image.getpixel((0, 0)) == (255, 0, 0)
    assert reply.image.getpixel((0, 3)) == (255, 255, 255)


def test_a_batch_that_does_not_fit_is_halved_and_the_size_kept(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    whole = helpers.pixels(list(make(tiny("sd3"), batch_size=4).generate(helpers.make_requests(8))))
    generator = make(tiny("sd3"), batch_size=4)
    generator.open()
    tried: list[int] = []

    def full(module: Any, arguments: Any, named: Any) -> None:
        rows = len(named["hidden_states"]) // 2  # with and without the prompt
        tried.append(rows)
        if rows > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    generator._pipeline.transformer.register_forward_pre_hook(full, with_kwargs=True)
    images = helpers.pixels(list(generator.generate(helpers.make_requests(8))))
    assert helpers.max_difference(images, whole) <= 1
    assert tried.count(4) == 1
    assert max(tried[1:]) == 2


def test_the_error_for_a_single_image_that_does_not_fit_has_a_hint(
    tiny: Callable[..., Path], make: Callable[..., Any]
) -> None:
    # A petabyte of noise: more than any machine can allocate.
    request = ImageRequest("huge", "A person", seed=1, size=(2**24, 2**24))
    with pytest.raises(PipelineFailed) as raised:
        list(make(tiny("sd-1.5")).generate([request]))
    assert "not enough memory to generate a single image" in raised.value.message
    for text in ("offload=model", "vae_tiling=true", "Finished images are kept"):
        assert text in raised.value.hint


@pytest.mark.parametrize("family", ["sd-1.5", "pixart"])
def test_closing_cancels_between_two_steps(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny(family), steps=900)
    generator.open()
    started = threading.Event()
    generator._pipeline.scheduler.scale_model_input = _signalling(
        generator._pipeline.scheduler.scale_model_input, started
    )
    closing = threading.Thread(target=lambda: (started.wait(60), generator.close()))
    closing.start()
    with pytest.raises(Cancelled):
        list(generator.generate(helpers.make_requests(2)))
    closing.join(60)
    assert not closing.is_alive()
    assert generator._pipeline is None
    generator = make(tiny(family))
    helpers.pixels(list(generator.generate(helpers.make_requests(1))))


@pytest.mark.parametrize("family", ["sd-1.5", "pixart", "flux"])
def test_steps_are_reported_while_a_batch_runs(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny(family), steps=3)
    reported: list[str] = []
    generator.progress = reported.append
    helpers.pixels(list(generator.generate(helpers.make_requests(2))))
    assert reported == ["step 1 of 3", "step 2 of 3", "step 3 of 3"]


def _signalling(plain: Callable[..., Any], started: threading.Event) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> Any:
        started.set()
        return plain(*arguments, **named)

    return wrapped
