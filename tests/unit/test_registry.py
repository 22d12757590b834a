"""Plugins and components: discovery, lookup, construction and isolation."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers import plugins
from helpers.plugins import Install

from harness import (
    BadOption,
    Component,
    HarnessOptions,
    Judge,
    MissingPackage,
    PluginError,
    RequestError,
    UnknownName,
    lazy,
    option,
)
from harness.registry import builtins as built_in
from harness.registry.factory import make, options_table
from harness.registry.plugin import Plugin, RegisteredComponent
from harness.registry.registry import Registry, load, registry


class Mine(Judge):
    """A judge with options of every kind."""

    class Options(HarnessOptions):
        ref: str = option("", "a reference")
        count: int = option(3, "a number", ge=1)
        names: list[str] = option([], "a list")
        table: dict[str, float] = option({}, "a table")
        text: str | None = option(None, "a text")
        flag: bool = option(False, "a switch", affects_answer=False)
        needed: float = option(..., "a required number")


class Plain(Judge):
    """A judge without options."""


def registered(component: Component | None = None, ref: str | None = None) -> RegisteredComponent:
    return RegisteredComponent("judge", component or Component("mine", lambda: Mine), "mine-plugin", ref)


def registry_of(**kinds: list[tuple[str, Component]]) -> Registry:
    """A registry of judges by distribution."""
    return Registry([Plugin(d, "1", d, offers={"judge": [c]}) for d, c in kinds["judges"]])


def test_names_references_and_aliases() -> None:
    judges = registry_of(judges=[("a-plugin", Component("llava", lambda: Plain, aliases=("llava-1.5",)))])
    assert judges.find("judge", "llava").ref is None
    assert judges.find("judge", "llava:org/model:8b").ref == "org/model:8b"
    assert judges.find("judge", "llava:org/model").reference == "llava:org/model"
    assert judges.find("judge", "llava-1.5").component.name == "llava"
    assert judges.find("judge", "a-plugin/llava:x/y").ref == "x/y"
    assert judges.find("judge", "llava:").ref == ""


@pytest.mark.parametrize("name", ["lava", "LLAVA", "b-plugin/llava"])
def test_unknown_names_list_the_known_ones(name: str) -> None:
    judges = registry_of(judges=[("a-plugin", Component("llava", lambda: Plain))])
    with pytest.raises(UnknownName) as error:
        judges.find("judge", name)
    assert "Known: llava" in error.value.hint


def test_names_are_unique_within_a_kind_only() -> None:
    both = [
        ("a", Component("twin", lambda: Plain)),
        ("b", Component("twin", lambda: Mine)),
        ("b", Component("other", lambda: Mine)),
    ]
    judges = registry_of(judges=both)
    assert judges.find("judge", "other").dist == "b"
    with pytest.raises(RequestError, match="a/twin and b/twin"):
        judges.find("judge", "twin")
    assert judges.find("judge", "b/twin").component.load() is Mine
    with pytest.raises(UnknownName):
        judges.find("generator", "twin")


def test_disabled_plugins_offer_nothing_and_are_named() -> None:
    broken = Plugin(
        "broken", "1", "x", problem="fails to import", offers={"judge": [Component("lost", lambda: Plain)]}
    )
    judges = Registry([broken])
    assert judges.components("judge") == []
    with pytest.raises(UnknownName) as error:
        judges.find("judge", "lost")
    assert "broken (fails to import)" in error.value.hint


def test_options_are_parsed_by_their_type() -> None:
    given = {
        "needed": "1.5",
        "count": "7",
        "names": '["a", "b"]',
        "table": '{"x": 1}',
        "text": "[not a list]",
        "flag": "true",
    }
    options = make(registered(), given).options
    assert (options.needed, options.count, options.names, options.table) == (1.5, 7, ["a", "b"], {"x": 1.0})
    assert (options.text, options.flag) == ("[not a list]", True)


def test_references_fill_ref() -> None:
    assert make(registered(ref="org/model"), {"needed": 1}).options.ref == "org/model"
    with pytest.raises(BadOption, match="takes no reference"):
        make(registered(Component("plain", lambda: Plain), ref="x"))


def test_presets_fill_defaults_that_may_be_overridden() -> None:
    preset = registered(Component("preset", lambda: Mine, defaults={"needed": 2.0, "count": 9}))
    assert make(preset).options.count == 9
    assert make(preset, {"count": "4"}).options.count == 4
    table = {row["name"]: row for row in options_table(preset)}
    assert (table["needed"]["required"], table["needed"]["default"], table["count"]["default"]) == (
        False,
        2.0,
        9,
    )
    assert {row["name"]: row for row in options_table(registered())}["needed"]["required"] is True


REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "unknown": ({"needed": 1, "conut": 3}, "no option 'conut'"),
    "missing": ({}, "'needed' must be given"),
    "wrong type": ({"needed": "much"}, "needed: .*'much'"),
    "out of bounds": ({"needed": 1, "count": "0"}, "count: .*greater than or equal to 1"),
    "broken JSON": ({"needed": 1, "names": "[1"}, "names is not valid JSON"),
    "no list": ({"needed": 1, "names": "a"}, "names"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_options(given: Mapping[str, Any], message: str) -> None:
    with pytest.raises(BadOption, match=message) as error:
        make(registered(), given)
    assert error.value.hint


def test_options_that_do_not_affect_answers_stay_out_of_digests() -> None:
    options = make(registered(), {"needed": 1, "flag": True}).options
    assert "flag" not in options.answer_affecting()
    assert options.answer_affecting()["count"] == 3


def test_classes_that_cannot_be_loaded() -> None:
    with pytest.raises(MissingPackage, match="'not_there_at_all'"):
        make(registered(Component("x", lazy("not_there_at_all.judge:X"))))
    with pytest.raises(PluginError, match="mine-plugin"):
        make(registered(Component("x", lazy("harness.errors:NotThere"))))
    with pytest.raises(PluginError, match="not a Judge"):
        make(registered(Component("x", lambda: dict)))


def test_installed_plugins_are_found_in_order_of_name(install: Install) -> None:
    for name in ("zebra-plugin", "Ape-plugin", "monkey-plugin"):
        install(name, plugins.judge(name.lower().split("-")[0], "pass"))
    names = [p.dist for p in load().plugins]
    assert names[0] == "memobench", "the built-ins come first"
    assert names[1:] == sorted(names[1:], key=str.lower)
    assert {"zebra-plugin", "Ape-plugin", "monkey-plugin"} <= set(names)
    assert registry().find("judge", "ape").dist == "Ape-plugin"


def test_a_plugin_adds_tasks_and_prompts(install: Install, tmp_path: Path) -> None:
    from helpers.tasks import TASK

    from harness.tasks import catalog

    (tmp_path / "tasks" / "prompts").mkdir(parents=True)
    (tmp_path / "tasks" / "mine.toml").write_text(TASK)
    (tmp_path / "tasks" / "prompts" / "few.csv").write_text("prompt,emotion\nA happy face,happy\n")
    install(
        "task-plugin",
        f"from pathlib import Path\nfrom harness import hookimpl\n@hookimpl\ndef harness_tasks():\n"
        f"    return [Path({str(tmp_path / 'tasks')!r})]\n",
    )
    assert catalog.load("mine")[0].name == "mine"
    assert catalog.find_prompts("few").rows[0].emotion == "happy"
    (tmp_path / "tasks" / "coarse_emotion.toml").write_text(TASK.replace('"mine"', '"coarse_emotion"'))
    assert catalog.load("coarse_emotion")[1].parent.name in ("tasks", "_tasks")
    assert catalog.load("coarse_emotion")[1].parent != tmp_path / "tasks", "the core owns its names"
    assert catalog.load("task-plugin/coarse_emotion")[1].parent == tmp_path / "tasks"
    assert {"coarse_emotion", "task-plugin/coarse_emotion", "mine"} <= set(catalog.names())
    (tmp_path / "tasks" / "renamed.toml").write_text(TASK)
    with pytest.raises(RequestError, match="its name is 'mine'"):
        catalog.load("renamed")


def layout(folder: Path, *, wheel: bool, checkout: bool) -> Path:
    """Create an installation layout; returns the path of the module `builtins`."""
    (folder / "harness").mkdir()
    (folder / "tasks").mkdir()
    if wheel:
        (folder / "harness" / "_tasks").mkdir()
    if checkout:
        (folder / "pyproject.toml").touch()
    return folder / "harness" / "registry" / "builtins.py"


@pytest.mark.parametrize(
    ("wheel", "checkout", "expected"),
    [(True, False, ["harness/_tasks"]), (True, True, ["harness/_tasks"]), (False, True, ["tasks"]), (False, False, [])],
    ids=["wheel", "wheel next to a project", "checkout", "neither"],
)  # fmt: skip
def test_built_in_tasks_are_found_in_wheel_and_checkout(
    wheel: bool, checkout: bool, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built_in, "__file__", str(layout(tmp_path, wheel=wheel, checkout=checkout)))
    assert [str(p.relative_to(tmp_path)) for p in built_in.harness_tasks()] == expected


def test_every_built_in_component_can_be_loaded() -> None:
    importlib.invalidate_caches()
    for kind in ("metric", "reporter", "executor"):
        for one in registry().components(kind):
            if one.dist == "memobench":
                assert make(one) is not None
                assert one.component.summary
