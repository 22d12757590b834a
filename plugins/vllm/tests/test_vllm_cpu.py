"""Settings on a processor: from the model's files, and what the user set stays."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import Any

import pytest
from memobench_vllm import cpu

from harness.hub import resolve


def settled(folder: Any, **given: Any) -> dict[str, Any]:
    arguments = {"dtype": "auto", **given}
    cpu.settle(arguments, resolve(str(folder)))
    return arguments


def test_weights_stay_as_they_are_stored(tiny: Any) -> None:
    assert settled(tiny("llava"))["dtype"] == "float32"
    assert settled(tiny("llava"), dtype="bfloat16")["dtype"] == "bfloat16"


def test_caches_hold_what_is_in_flight(tiny: Any) -> None:
    few, many = settled(tiny("llava"), max_num_seqs=512), settled(tiny("llava"), max_num_seqs=1024)
    assert many["mm_processor_cache_gb"] == pytest.approx(2 * few["mm_processor_cache_gb"])
    assert few["mm_processor_cache_gb"] * 2**30 == pytest.approx(3 * 512 * 64 * 64 * 12)
    assert many["kv_cache_memory_bytes"] > few["kv_cache_memory_bytes"] > 0
    assert settled(tiny("qwen2-vl"))["mm_processor_cache_gb"] == 0.25, "its pictures have sizes of their own"
    assert settled(tiny("llava"), mm_processor_cache_gb=1)["mm_processor_cache_gb"] == 1


_KEEPS = """
from memobench_vllm import cpu

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

cpu.keep_memory()
block = b"x" * (200 * 2**20)
held = resident()
del block
kept = resident()
cpu.give_memory_back()
print(held - kept, held - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_freed_memory_is_kept_and_given_back() -> None:
    assert hasattr(ctypes.CDLL(None), "malloc_trim")
    # In a process of its own: what other tests have taken and freed decides where a block lies.
    done = subprocess.run(
        [sys.executable, "-c", _KEEPS], capture_output=True, text=True, check=True, timeout=60
    )
    after_free, after_giving_back = map(int, done.stdout.split())
    assert after_free < 50 * 2**20
    assert after_giving_back > 150 * 2**20
