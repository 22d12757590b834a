"""The public names are documented, and the same for type checkers; tests/unit/test_contract.py lists them."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import harness
from harness.deprecations import DEPRECATIONS, HarnessDeprecationWarning, deprecated

NAMES = harness.__all__


@pytest.mark.parametrize("name", NAMES)
def test_public_names_can_be_imported_and_are_documented(name: str) -> None:
    value = getattr(harness, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value), f"{name} has no docstring"
        assert value.__module__.startswith("harness.")


def test_capabilities_and_emotions() -> None:
    assert [c.value for c in harness.Capability] == [
        "text",
        "choice",
        "rating",
        "logprobs",
        "reasoned",
        "multi_image",
        "oracle",
    ]
    assert harness.EMOTIONS == ("happy", "sad", "angry", "surprise", "worry", "neutral")


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(harness.__file__).read_text(encoding="utf-8"))
    (block,) = [n for n in tree.body if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    seen = {
        a.asname: f"{n.module}.{a.name}" for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names
    }
    assert set(seen) == set(NAMES) - {"__version__"}
    for name, path in seen.items():
        home, _, attribute = path.rpartition(".")
        assert getattr(importlib.import_module(home), attribute) is getattr(harness, name)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Juge'"):
        _ = harness.Juge  # type: ignore[attr-defined]
    assert not hasattr(harness, "torch")


def test_version_is_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([.-]?\w+)*", harness.__version__)


def test_read_is_the_earlier_name_of_answer_mode() -> None:
    question = harness.Question("choice", ("happy", "sad"), answer_mode="logprobs")
    with pytest.warns(HarnessDeprecationWarning, match="use Question.answer_mode") as warned:
        assert question.read == question.answer_mode == "logprobs"
    assert warned[0].filename == __file__, "the line that uses the name is named"


def test_every_deprecation_says_what_to_use_and_is_in_the_changelog() -> None:
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    for found in DEPRECATIONS.values():
        assert f"`{found.name}`" in changelog
        assert found.instead
        with pytest.warns(HarnessDeprecationWarning, match=re.escape(found.name)):
            deprecated(found.name)
