"""Drawing: every family, the same picture in any batch, and what becomes of pictures that are none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from memobench_diffusers.failures import Cancelled, PipelineFailed

from harness import ImageRequest
from harness.testing.pipelines import FAMILIES, pipeline

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("family", FAMILIES)
def test_a_picture_follows_from_its_request_in_any_batch_and_order(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    requests = helpers.asked(6)
    large = helpers.pixels(list(make(tiny(family), batch_size=4).generate(requests)))
    small = helpers.pixels(list(make(tiny(family), batch_size=2).generate(requests[::-1])))
    single = make(tiny(family), batch_size=1, cache_mb=0)
    alone = helpers.pixels([r for q in requests[3:] for r in single.generate([q])])
    assert helpers.apart(large, small) <= 1
    assert helpers.apart({k: large[k] for k in alone}, alone) <= 1
    assert len(set(large.values())) == 6
    assert {len(p) for p in large.values()} == {32 * 32 * 3}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_prompt_is_drawn_and_not_the_seed_alone(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    requests = [ImageRequest("a", "A happy person", seed=1), ImageRequest("b", "A sad dog, far away", seed=1)]
    drawn = helpers.pixels(list(make(tiny(family)).generate(requests)))
    assert drawn["a"] != drawn["b"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_picture_is_what_a_bare_call_of_the_pipeline_draws(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    [request] = helpers.asked(1)
    drawn = helpers.pixels(list(make(tiny(family)).generate([request])))
    bare = pipeline(family)
    bare.set_progress_bar_config(disable=True)
    further = {"use_resolution_binning": False, "clean_caption": False} if family == "pixart" else {}
    image = bare(
        request.prompt,
        num_inference_steps=2,
        width=32,
        height=32,
        **further,
        generator=torch.Generator().manual_seed(request.seed),
    ).images[0]
    assert helpers.apart(drawn, {"r0": image.tobytes()}) <= 1


def test_pictures_of_several_sizes_are_each_drawn_at_theirs(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    sizes = [(32, 32), (48, 32), (32, 48), None, (48, 32)]
    requests = [ImageRequest(f"s{i}", "A person", seed=i, size=size) for i, size in enumerate(sizes)]
    drawn = list(make(tiny("sd-1.5")).generate(requests))
    assert {r.id: r.image.size for r in drawn} == {f"s{i}": size or (32, 32) for i, size in enumerate(sizes)}


def test_a_negative_prompt_changes_the_picture_or_is_named_as_not_read(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    plain, negative = helpers.asked(1), helpers.asked(1, negative_prompt="glasses")
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


def test_options_that_change_pictures_do(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    drawn = [
        helpers.pixels(list(make(tiny("sd-1.5"), **options).generate(helpers.asked(1))))["r0"]
        for options in (
            {},
            {"steps": 3},
            {"guidance": 2.0},
            {"scheduler": "EulerDiscreteScheduler"},
            {"call": {"guidance_rescale": 0.9}},
            {"dtype": "bfloat16"},
        )
    ]
    assert len(set(drawn)) == len(drawn)


def test_options_that_do_not_change_pictures_do_not(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    plain = helpers.pixels(list(make(tiny("sd-1.5")).generate(helpers.asked(3))))
    for options in ({"attention_slicing": True}, {"vae_slicing": True}, {"cache_mb": 0}):
        drawn = helpers.pixels(list(make(tiny("sd-1.5"), **options).generate(helpers.asked(3))))
        assert helpers.apart(plain, drawn) <= 1, options


def test_each_distinct_prompt_is_encoded_once(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny("sd-1.5"))
    generator.open()
    rows: list[int] = []
    generator._pipeline.text_encoder.register_forward_hook(lambda m, i, o: rows.append(len(o[0])))
    helpers.pixels(list(generator.generate(helpers.asked(10))))
    helpers.pixels(list(generator.generate(helpers.asked(10))))
    # Five prompts, each with its (empty) negative prompt, in two chunks: of four and of one.
    assert rows == [4, 4, 1, 1]


def test_the_cache_of_prompts_is_bounded(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny("sd3"), cache_mb=1)
    requests = [ImageRequest(f"c{i}", f"Person number {i}", seed=i, size=(16, 16)) for i in range(24)]
    helpers.pixels(list(generator.generate(requests)))
    held = sum(e.nbytes for e in generator._encoder._kept.values())
    assert held == generator._encoder._held <= 2**20
    assert 1 < len(generator._encoder._kept) < 24
    assert next(reversed(generator._encoder._kept))[0] == "Person number 23"


def test_what_a_safety_checker_stops_is_blocked_and_the_rest_is_not(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    stopped = list(make(tiny("sd-1.5", "blocks")).generate(helpers.asked(3)))
    assert [(r.outcome, r.image, r.extra["reason"]) for r in stopped] == [
        ("blocked", None, "safety checker")
    ] * 3
    passed = helpers.pixels(list(make(tiny("sd-1.5", "passes")).generate(helpers.asked(3))))
    assert helpers.apart(passed, helpers.pixels(list(make(tiny("sd-1.5")).generate(helpers.asked(3))))) <= 1


@pytest.mark.parametrize(("bias", "reason"), [(-9.0, "all black"), (float("nan"), "not a number")])
def test_a_picture_that_shows_nothing_is_blank(
    bias: float, reason: str, tmp_path: Path, make: Callable[..., Any], helpers: Any
) -> None:
    broken = pipeline("sd-1.5")
    torch.nn.init.zeros_(broken.vae.decoder.conv_out.weight)
    torch.nn.init.constant_(broken.vae.decoder.conv_out.bias, bias)
    broken.save_pretrained(tmp_path / "broken")
    replies = list(make(tmp_path / "broken").generate(helpers.asked(2)))
    assert [(r.outcome, r.image, r.extra) for r in replies] == [("blank", None, {"reason": reason})] * 2


def test_one_impossible_size_does_not_harm_the_others(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    requests = [*helpers.asked(2), ImageRequest("odd", "A person", seed=1, size=(33, 33))]
    replies = {r.id: r for r in make(tiny("sd-1.5")).generate(requests)}
    assert [replies[k].outcome for k in ("r0", "r1", "odd")] == ["ok", "ok", "error"]
    assert "divisible by 8" in replies["odd"].error.message
    assert not replies["odd"].error.retryable


def test_a_batch_that_does_not_fit_is_halved_and_the_size_kept(
    tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    whole = helpers.pixels(list(make(tiny("sd3"), batch_size=4).generate(helpers.asked(8))))
    generator = make(tiny("sd3"), batch_size=4)
    generator.open()
    tried: list[int] = []

    def full(module: Any, arguments: Any, named: Any) -> None:
        rows = len(named["hidden_states"]) // 2  # with and without the prompt
        tried.append(rows)
        if rows > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    generator._pipeline.transformer.register_forward_pre_hook(full, with_kwargs=True)
    drawn = helpers.pixels(list(generator.generate(helpers.asked(8))))
    assert helpers.apart(drawn, whole) <= 1
    assert tried.count(4) == 1
    assert max(tried[1:]) == 2


def test_where_a_single_picture_does_not_fit_the_error_says_what_to_change(
    tiny: Callable[..., Path], make: Callable[..., Any]
) -> None:
    # A petabyte of noise: more than any machine can address.
    request = ImageRequest("huge", "A person", seed=1, size=(2**24, 2**24))
    with pytest.raises(PipelineFailed) as raised:
        list(make(tiny("sd-1.5")).generate([request]))
    assert "not enough memory to draw a single picture" in raised.value.message
    for told in ("offload=model", "vae_tiling=true", "What was drawn is kept"):
        assert told in raised.value.hint


@pytest.mark.parametrize("family", ["sd-1.5", "pixart"])
def test_closing_stops_between_two_steps(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny(family), steps=900)
    generator.open()
    begun = threading.Event()
    generator._pipeline.scheduler.scale_model_input = _noting(
        generator._pipeline.scheduler.scale_model_input, begun
    )
    closing = threading.Thread(target=lambda: (begun.wait(60), generator.close()))
    closing.start()
    with pytest.raises(Cancelled):
        list(generator.generate(helpers.asked(2)))
    closing.join(60)
    assert not closing.is_alive()
    assert generator._pipeline is None
    generator = make(tiny(family))
    helpers.pixels(list(generator.generate(helpers.asked(1))))


@pytest.mark.parametrize("family", ["sd-1.5", "pixart", "flux"])
def test_steps_are_told_while_a_batch_is_drawn(
    family: str, tiny: Callable[..., Path], make: Callable[..., Any], helpers: Any
) -> None:
    generator = make(tiny(family), steps=3)
    told: list[str] = []
    generator.progress = told.append
    helpers.pixels(list(generator.generate(helpers.asked(2))))
    assert told == ["step 1 of 3", "step 2 of 3", "step 3 of 3"]


def _noting(plain: Callable[..., Any], begun: threading.Event) -> Callable[..., Any]:
    def noted(*arguments: Any, **named: Any) -> Any:
        begun.set()
        return plain(*arguments, **named)

    return noted
