"""Worker processes: identical pixels, in order, and recovery from dead workers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from memobench_portraits.generator import PortraitGenerator
from memobench_portraits.identity import identity
from memobench_portraits.pool import PortraitSpec, RenderPool, render, serve

from harness import ImageRequest, RequestSource

SPECS = [
    PortraitSpec(identity(seed), emotion, 3.5, 64)
    for seed, emotion in ((1, "sad"), (2, "happy"), (3, "worry"))
]


class Source(RequestSource[ImageRequest]):
    """A source that hands out one request at a time."""

    def __init__(self, requests: list[ImageRequest]) -> None:
        self.pending = requests

    def __iter__(self) -> Iterator[ImageRequest]:
        while self.pending:
            yield self.pending.pop(0)

    def ready(self, max_n: int, timeout: float = 0.0) -> list[ImageRequest]:
        taken, self.pending = self.pending[: min(max_n, 1)], self.pending[min(max_n, 1) :]
        return taken

    @property
    def exhausted(self) -> bool:
        return not self.pending


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_render_the_same_pixels(workers: int) -> None:
    with RenderPool(workers) as pool:
        assert pool.width == workers
        futures = [pool.submit(pool.render_all, [spec]) for spec in SPECS]
        pictures = [future.result()[0] for future in futures]
        assert [p.tobytes() for p in pool.render_all(SPECS)] == [p.tobytes() for p in pictures]
    assert [p.tobytes() for p in pictures] == [render(spec).tobytes() for spec in SPECS]


def test_a_dead_worker_is_replaced() -> None:
    with RenderPool(2) as pool:
        first = [p.tobytes() for p in pool.render_all(SPECS)]
        for worker in pool._workers:
            if worker._process is not None:
                worker._process.kill()
                worker._process.wait()
        assert [[p.tobytes() for p in pool.render_all(SPECS)] for _ in range(3)] == [first] * 3


def test_an_invalid_spec_raises_its_error() -> None:
    with RenderPool(2) as pool, pytest.raises(ValueError, match="bored"):
        pool.render_all([PortraitSpec(identity(1), "bored", 3, 64)])


def test_a_worker_reads_specs_and_writes_pixels() -> None:
    target = io.BytesIO()
    line = json.dumps([asdict(spec) for spec in SPECS]).encode() + b"\n"
    serve(io.BytesIO(line), target)
    assert target.getvalue() == b"".join(render(spec).tobytes() for spec in SPECS)


def test_stream_matches_generate_and_isolates_failures() -> None:
    generator = PortraitGenerator(PortraitGenerator.Options(size=64))
    requests = [
        ImageRequest(f"r{i}", "a worried man", seed=i, size=(64, 48) if i == 3 else None) for i in range(9)
    ]
    expected = {r.id: r.image.tobytes() for r in generator.generate(requests) if r.image}
    bad = ImageRequest("bad", "a face", emotion="bored")
    replies = list(generator.stream(Source([*requests[:4], bad, *requests[4:]])))
    assert [r.id for r in replies] == ["r0", "r1", "r2", "r3", "bad", "r4", "r5", "r6", "r7", "r8"]
    assert {r.id: r.image.tobytes() for r in replies if r.image} == expected
    failed = next(r for r in replies if r.id == "bad")
    assert failed.outcome == "error"
    assert failed.error is not None
    assert "bored" in failed.error.message
