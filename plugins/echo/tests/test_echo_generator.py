from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from memobench_echo.generator import PAPER, EchoGenerator
from PIL import Image
from pydantic import ValidationError

from harness import ImageRequest

PROMPT = "Photograph of a happy young woman with brown skin in a library, facing the viewer"


def generator(**options: object) -> EchoGenerator:
    return EchoGenerator(EchoGenerator.Options.model_validate(options))


def generate(request: ImageRequest, **options: object) -> Image.Image:
    (reply,) = generator(**options).generate([request])
    assert (reply.id, reply.outcome, reply.error) == (request.id, "ok", None)
    assert reply.image is not None
    return reply.image


def ink_mask(image: Image.Image) -> npt.NDArray[np.bool_]:
    """True where the card has ink, shape (height, width)."""
    return np.asarray(np.abs(np.asarray(image).astype(int) - PAPER).sum(axis=2) > 60)


@pytest.mark.parametrize(
    ("requested", "option", "size"),
    [
        (None, {}, (512, 512)),
        (None, {"size": 64}, (64, 64)),
        ((320, 200), {"size": 64}, (320, 200)),
        ((16, 16), {}, (16, 16)),
    ],
)
def test_size_of_the_card(
    requested: tuple[int, int] | None, option: dict[str, int], size: tuple[int, int]
) -> None:
    image = generate(ImageRequest("r", PROMPT, size=requested), **option)
    assert (image.mode, image.size) == ("RGB", size)


@pytest.mark.parametrize("prompt", [PROMPT, PROMPT * 30, "一张悲伤的脸 \N{GRINNING FACE}\n\x07", "w" * 500])
def test_the_prompt_stays_inside_the_margins(prompt: str) -> None:
    mask = ink_mask(generate(ImageRequest("r", prompt, size=(256, 256))))
    assert 0.003 < mask.mean() < 0.5
    assert not mask[:15].any()
    assert not mask[:, :15].any()


def test_an_empty_prompt_gives_a_card() -> None:
    assert ink_mask(generate(ImageRequest("r", "", size=(256, 256)))).mean() < 0.01


def test_only_equal_requests_give_equal_cards() -> None:
    def pixels(**fields: object) -> bytes:
        return generate(ImageRequest(**{"id": "r", "prompt": PROMPT, **fields})).tobytes()  # type: ignore[arg-type]

    assert pixels() == pixels()
    assert len({pixels(), pixels(prompt="sad"), pixels(seed=1), pixels(index=1)}) == 4


def test_every_nth_request_fails() -> None:
    replies = list(generator(fail_every=2).generate([ImageRequest(f"r{i}", "x") for i in range(4)]))
    assert [(r.id, r.outcome, r.image is None) for r in replies] == [
        ("r0", "ok", False),
        ("r1", "error", True),
        ("r2", "ok", False),
        ("r3", "error", True),
    ]
    assert all(r.error and r.error.retryable for r in replies if r.outcome == "error")


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 100_000}, {"delay": -1}, {"sise": 64}])
def test_invalid_options_are_rejected(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        generator(**options)


def test_entry_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, memobench_echo.plugin as p; "
        "names = [c.name for c in [*p.harness_judges(), *p.harness_generators()]]; "
        "heavy = sorted({'PIL', 'numpy', 'pydantic', 'memobench_echo.judge'} & set(sys.modules)); "
        "print(names, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['echo', 'echo'] []"
