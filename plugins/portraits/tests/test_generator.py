"""The generator `portraits` through its public interface."""

from __future__ import annotations

import pytest
from memobench_portraits.dataset import DATASET_SEEDS
from memobench_portraits.generator import FIRST_SUBJECT, PortraitGenerator, expression, subject
from pydantic import ValidationError

from harness import ImageRequest


def generator(**options: int) -> PortraitGenerator:
    return PortraitGenerator(PortraitGenerator.Options(**options))


def test_one_reply_for_each_request() -> None:
    batch = [ImageRequest(f"r{i}", "a happy man", seed=i) for i in range(3)]
    replies = list(generator(size=64).generate(batch))
    assert [r.id for r in replies] == ["r0", "r1", "r2"]
    assert {r.outcome for r in replies} == {"ok"}
    assert len({r.image.tobytes() for r in replies if r.image}) == 3


def test_the_same_request_gives_the_same_bytes() -> None:
    request = ImageRequest("a", "a worried woman", seed=7)
    first, second = (next(iter(generator(size=64).generate([request]))).image for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(("size", "shape"), [(None, (96, 96)), ((64, 80), (64, 80)), ((120, 72), (120, 72))])
def test_size_comes_from_the_request_or_the_option(
    size: tuple[int, int] | None, shape: tuple[int, int]
) -> None:
    reply = next(iter(generator(size=96).generate([ImageRequest("a", "a man", size=size)])))
    assert reply.image is not None
    assert reply.image.size == shape


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (ImageRequest("a", "a slightly worried man"), ("worry", 2)),
        (ImageRequest("a", "a worried man"), ("worry", 4)),
        (ImageRequest("a", "a slightly worried man", emotion="happy", intensity=5), ("happy", 5)),
        (ImageRequest("a", "a face", emotion="sad"), ("sad", 4)),
        (ImageRequest("a", "a face", emotion="sad", intensity=2.5), ("sad", 2.5)),
        (ImageRequest("a", "a face"), ("neutral", 4)),
    ],
)
def test_structured_fields_override_the_prompt(request_: ImageRequest, expected: tuple[str, float]) -> None:
    assert expression(request_) == expected


def test_the_person_depends_only_on_seed_and_description() -> None:
    first = subject(ImageRequest("a", "an angry young woman with tan skin", seed=3))
    other = subject(ImageRequest("b", "a very happy young woman with tan skin", seed=3))
    assert first == other
    assert (first.gender, first.age_group, first.skin_tone) == ("woman", "young adult", "tan")
    assert subject(ImageRequest("c", "an angry young woman with tan skin", seed=4)) != first
    by_attributes = subject(
        ImageRequest("d", "a face", seed=3, attributes={"gender": "man", "skin_tone": "dark"})
    )
    assert (by_attributes.gender, by_attributes.skin_tone) == ("man", "dark")


def test_generated_people_are_not_in_the_data_set() -> None:
    seeds = {subject(ImageRequest("a", "a face", seed=s)).seed for s in range(300)}
    assert min(seeds) >= FIRST_SUBJECT > max(DATASET_SEEDS)


def test_an_option_out_of_range_is_rejected() -> None:
    with pytest.raises(ValidationError, match="size"):
        generator(size=8)
