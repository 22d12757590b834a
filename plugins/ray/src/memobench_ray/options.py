"""The options of the executor: those of `--executor-option`."""

from __future__ import annotations

from typing import Any

from harness import HarnessOptions, option


class RayOptions(HarnessOptions):
    """Where the actors run, how many, and what each needs. None of them changes an answer."""

    address: str = option(
        "",
        "HOST:PORT of a cluster's head, or auto on one of its nodes; empty starts Ray on this machine",
        affects_answer=False,
    )
    replicas: int = option(
        0,
        "how many processes answer; 0: two on this machine, one for each GPU that they ask for, all that fit a cluster",
        affects_answer=False,
        ge=0,
        le=4096,
    )
    num_gpus: float = option(
        0.0,
        "GPUs of each process: the tensor-parallel size of a large model",
        affects_answer=False,
        ge=0,
        le=64,
    )
    num_cpus: float = option(1.0, "CPUs of each process", affects_answer=False, ge=0, le=1024)
    window: int = option(
        0,
        "requests that a process has in hand; 0: 64, or two batches of the model",
        affects_answer=False,
        ge=0,
        le=65536,
    )
    restarts: int = option(
        8, "how many processes that died are replaced, all together", affects_answer=False, ge=0, le=10000
    )
    wait: float = option(
        300.0,
        "seconds to wait for a place on the cluster; given explicitly, also for nodes that are still to come",
        affects_answer=False,
        gt=0,
        le=86400,
    )
    runtime_env: dict[str, Any] = option(
        {}, "Ray's runtime environment of each process, as JSON", affects_answer=False
    )
