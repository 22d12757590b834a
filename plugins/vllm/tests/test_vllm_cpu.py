"""CPU defaults from the model's files, which the user can override."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import Any

import pytest
from memobench_vllm import cpu

from harness.hub import resolve


def with_defaults(folder: Any, **given: Any) -> dict[str, Any]:
    arguments = {"dtype": "auto", **given}
    cpu.apply_defaults(arguments, resolve(str(folder)))
    return arguments


def test_the_dtype_is_that_of_the_stored_weights(tiny: Any) -> None:
    assert with_defaults(tiny("llava"))["dtype"] == "float32"
    assert with_defaults(tiny("llava"), dtype="bfloat16")["dtype"] == "bfloat16"


def test_caches_are_sized_for_the_requests_in_flight(tiny: Any) -> None:
    few, many = (
        with_defaults(tiny("llava"), max_num_seqs=512),
        with_defaults(tiny("llava"), max_num_seqs=1024),
    )
    assert many["mm_processor_cache_gb"] == pytest.approx(2 * few["mm_processor_cache_gb"])
    assert few["mm_processor_cache_gb"] * 2**30 == pytest.approx(3 * 512 * 64 * 64 * 12)
    assert many["kv_cache_memory_bytes"] > few["kv_cache_memory_bytes"] > 0
    assert with_defaults(tiny("qwen2-vl"))["mm_processor_cache_gb"] == 0.25, "its pictures vary in size"
    assert with_defaults(tiny("llava"), mm_processor_cache_gb=1)["mm_processor_cache_gb"] == 1


_RETAIN_SCRIPT = """
from memobench_vllm import cpu

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

cpu.retain_freed_memory()
block = b"x" * (200 * 2**20)
held = resident()
del block
kept = resident()
cpu.release_freed_memory()
print(held - kept, held - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_freed_memory_is_retained_and_then_released() -> None:
    assert hasattr(ctypes.CDLL(None), "malloc_trim")
    # In a subprocess: allocations of other tests would affect the result.
    done = subprocess.run(
        [sys.executable, "-c", _RETAIN_SCRIPT], capture_output=True, text=True, check=True, timeout=60
    )
    after_free, after_release = map(int, done.stdout.split())
    assert after_free < 50 * 2**20
    assert after_release > 150 * 2**20
