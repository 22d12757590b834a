"""The distribution: entry points, imports, shipped weights."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files

from memobench_fer import plugin
from memobench_fer.weights import checksums

from harness import Detector, Judge
from harness.testing.command import modules_imported_by

DATA = files("memobench_fer") / "data"


def test_the_entry_module_imports_nothing_heavy() -> None:
    loaded = modules_imported_by(
        "import memobench_fer.plugin as p; p.harness_judges(); p.harness_detectors()"
    )
    assert "memobench_fer" in loaded
    assert not loaded & {"numpy", "onnxruntime", "PIL", "pydantic", "scipy"}


def test_importing_the_judge_does_not_import_the_runtime() -> None:
    loaded = modules_imported_by("import memobench_fer.judge as j; j.FerJudge()")
    assert "pydantic" in loaded
    assert "onnxruntime" not in loaded


def test_component_names_and_classes() -> None:
    (judge,) = plugin.harness_judges()
    (detector,) = plugin.harness_detectors()
    assert (judge.name, detector.name) == ("fer", "tiny-face")
    assert issubclass(judge.load(), Judge)
    assert issubclass(detector.load(), Detector)


def test_weights_have_source_checksum_and_notice() -> None:
    source = json.loads((DATA / "SOURCE.json").read_text(encoding="utf-8"))
    assert (source["package"], source["version"], source["license"]) == (
        "@vladmandic/face-api",
        "1.7.15",
        "MIT",
    )
    for name, digest in checksums().items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest
    notice = (DATA / "LICENSE-face-api").read_bytes()
    assert b"Copyright (c) Vladimir Mandic" in notice
    assert hashlib.sha256(notice).hexdigest() == source["source_sha256"]["LICENSE"]
    assert sum(len((DATA / name).read_bytes()) for name in checksums()) < 1_000_000
