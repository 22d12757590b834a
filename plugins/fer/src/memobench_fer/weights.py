"""Verifies the shipped networks by checksum and opens onnxruntime sessions on them."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from typing import Any

from harness import HarnessError, MissingPackage


class DamagedWeights(HarnessError):
    """A shipped file does not match its recorded checksum."""


def checksums() -> dict[str, str]:
    """The sha256 of each network's file, as recorded in `data/SOURCE.json`."""
    source: dict[str, dict[str, str]] = json.loads(_read("SOURCE.json"))
    return dict(source["sha256"])


def open_session(file: str, threads: int, feature: str) -> Any:
    """An onnxruntime session on `data/<file>`, on the CPU with `threads` threads.

    `feature` ("judge fer") appears in error messages. Raises `MissingPackage` if onnxruntime is not installed,
    `DamagedWeights` if the file does not match its checksum.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingPackage(feature, "onnxruntime") from None
    data, recorded = _read(file), checksums()[file]
    if hashlib.sha256(data).hexdigest() != recorded:
        raise DamagedWeights(
            f"{feature}: the file {file} is damaged (its sha256 is not {recorded}).",
            "Restore the folder plugins/fer from the memobench repository, and install memobench-plugin-fer from it again.",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Dequantise the 8-bit weights once, at load; doing it in each run would double the time.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _read(file: str) -> bytes:
    return (files("memobench_fer") / "data" / file).read_bytes()
