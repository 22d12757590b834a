"""A plugin without identity() is identified by all files of its package and the version of its distribution."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.command import InProcess
from helpers.plugins import Install
from helpers.results import lines

from harness.registry.registry import registry
from harness.run import code_identity as module
from harness.run.code_identity import code_identity
from harness.run.participants import make_participant

ENTRY = """
from harness import Component, hookimpl, lazy

@hookimpl
def harness_judges():
    return [Component("helped", lazy("helped.parts.judge:Helped"), "a test plugin")]
"""
JUDGE = """
from harness import Judge, JudgeReply
from helped.helper import answer

class Helped(Judge):
    def judge(self, batch):
        for r in batch:
            yield JudgeReply(r.id, text=answer(r))
"""
HELPER = "def answer(request):\n    return request.question.options[{}]\n"


class Package:
    """A plugin with a helper module, some data and the metadata of its distribution."""

    def __init__(self, site: Path) -> None:
        self.site, self.root = site, site / "helped"
        (self.root / "parts").mkdir(parents=True)
        self.write("__init__.py", ENTRY)
        self.write("parts/judge.py", JUDGE)
        self.write("helper.py", HELPER.format(0))
        self.write("words.txt", "some data")
        self.version("1.0")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def version(self, version: str) -> None:
        info = self.site / "helped-1.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: memobench-plugin-helped\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text("[memobench]\nhelped = helped\n")

    def identity(self) -> dict[str, str]:
        """As a new process would find it."""
        self.forget()
        return dict(make_participant("judge", "helped", {}).described["identity"])

    @staticmethod
    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "helped"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        registry.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Package(tmp_path / "site")
    Package.forget()


CHANGES: dict[str, Callable[[Package], Any]] = {
    "a helper": lambda p: p.write("helper.py", HELPER.format(1)),
    "data": lambda p: p.write("words.txt", "other data"),
    "a new file": lambda p: p.write("parts/more.json", "{}"),
    "a removed file": lambda p: (p.root / "words.txt").unlink(),
    "a renamed file": lambda p: (p.root / "words.txt").rename(p.root / "word.txt"),
    "the version": lambda p: p.version("1.1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_any_change_of_the_package_is_another_identity(
    change: Callable[[Package], Any], package: Package
) -> None:
    before = package.identity()
    assert package.identity() == before
    assert before["version"] == "1.0"
    change(package)
    assert package.identity() != before


def test_compiled_files_and_the_place_do_not_count(package: Package, tmp_path: Path) -> None:
    before = package.identity()
    package.write("__pycache__/helper.cpython-311.pyc", "x")
    package.write("parts/old.pyc", "x")
    assert package.identity() == before
    os.utime(package.root / "helper.py", (1, 1))
    assert package.identity() == before


def test_a_plugin_whose_helper_changed_is_asked_anew(
    package: Package, harness: InProcess, faces: Path
) -> None:
    run = ("run", "--task", "coarse_emotion", "--model", "helped", "--data", "faces")
    first = harness(*run, "--json").ok().results["run"]["name"]
    package.forget()
    assert harness(*run, "--json").ok().results["run"]["name"] == first
    package.write("helper.py", HELPER.format(2))
    package.forget()
    harness(*run, "--out", f"runs/{first}").fails(2, "model.identity.code was")
    second = harness(*run, "--json").ok().results["run"]["name"]
    assert second != first
    texts = [[r["text"] for r in lines(Path("runs", name, "replies.jsonl"))] for name in (first, second)]
    assert texts[0] != texts[1]


def test_beyond_the_bounds_names_and_sizes_count(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 3)  # The Python files, which come first.
    before = package.identity()
    package.write("words.txt", "same size")
    assert package.identity() == before
    package.write("words.txt", "another size")
    assert package.identity() != before
    before = package.identity()
    package.write("helper.py", HELPER.format(1))
    assert package.identity() != before
    monkeypatch.setattr(module, "MOST_BYTES", 0)
    before = package.identity()
    package.write("helper.py", HELPER.format(2))
    assert package.identity() == before


def test_a_module_on_its_own_is_its_file(install: Install, tmp_path: Path) -> None:
    source = ENTRY.replace('lazy("helped.parts.judge:Helped")', "lambda: Alone") + JUDGE.replace(
        "from helped.helper import answer", "answer = lambda r: 'x'"
    ).replace("Helped", "Alone")
    install("alone", source)
    (tmp_path / "site" / "neighbour.py").write_text("x = 1")
    before = make_participant("judge", "helped", {}).described["identity"]
    (tmp_path / "site" / "neighbour.py").write_text("x = 2")
    assert make_participant("judge", "helped", {}).described["identity"] == before
    (tmp_path / "site" / "alone.py").write_text(source + "# changed")
    assert make_participant("judge", "helped", {}).described["identity"] != before


def test_classes_without_a_file_have_no_code() -> None:
    from harness import Judge

    made: type[Judge] = type("Made", (Judge,), {"__module__": "nowhere"})
    assert code_identity(made, "1") is None
