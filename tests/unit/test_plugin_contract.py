"""What a plugin states and offers is checked when it is loaded; what is wrong with it harms nobody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import plugins
from helpers.plugins import Install

from harness import BadOption, PluginError, RequestError
from harness.hookspecs import API_VERSION
from harness.registry.factory import make, options_table, preset_problem
from harness.registry.plugin import Plugin
from harness.registry.registry import load, registry

OFFER = """
from pathlib import Path
from harness import Component, Judge, JudgeReply, hookimpl, lazy
API_VERSION = "1.0"

class Mine(Judge):
    def judge(self, batch):
        return [JudgeReply(r.id, text="happy") for r in batch]

@hookimpl
def {hook}():
    return [{items}]
"""


def offer(items: str, hook: str = "harness_judges") -> str:
    """The source of a plugin whose hook returns these items."""
    return OFFER.format(hook=hook, items=items)


def loaded(dist: str) -> Plugin:
    """The plugin of a distribution, of all that are installed."""
    return next(plugin for plugin in load().plugins if plugin.dist == dist)


@pytest.mark.parametrize(
    ("stated", "problem", "remedy"),
    [
        ('"1.0"', "", ""),
        ('"2.0"', "written for version 2.0 of the plugin interface, and this memobench has 1.0", "Update memobench"),
        ('"1.1"', "written for version 1.1 of the plugin interface, and this memobench has 1.0", "Update memobench"),
        ('"0.9"', "written for version 0.9 of the plugin interface, and this memobench has 1.0", "Update the plugin"),
        ("1.0", "its API_VERSION is 1.0, not a version such as '1.0'", 'API_VERSION = "1.0"'),
        ('"new"', "its API_VERSION is 'new', not a version such as '1.0'", 'API_VERSION = "1.0"'),
    ],
)  # fmt: skip
def test_the_version_of_the_interface(stated: str, problem: str, remedy: str, install: Install) -> None:
    assert API_VERSION == "1.0", "the cases are for this version"
    source = offer('Component("mine", lambda: Mine)').replace(
        'API_VERSION = "1.0"', f"API_VERSION = {stated}"
    )
    install("mine", source)
    found = loaded("mine")
    assert found.problem == problem
    assert remedy in found.remedy
    assert bool(found.offers.get("judge")) == (not problem)


def test_a_plugin_without_a_version_works_and_is_told(install: Install) -> None:
    install("mine", offer('Component("mine", lambda: Mine)').replace('API_VERSION = "1.0"', ""))
    found = loaded("mine")
    assert (found.state, found.api) == ("works", "")
    assert found.remarks == ['states no API_VERSION: the current one is "1.0"']


@pytest.mark.parametrize(
    ("requires", "problem"),
    [
        (["memobench>=0.0.1"], ""),
        (["memobench"], ""),
        (["numpy>=999"], ""),
        (['memobench>=999; python_version < "3"'], ""),
        (["not a requirement!", "Memobench (>=99)"], "requires memobench >=99, and "),
        (["memobench<0.0.1"], "requires memobench <0.0.1, and "),
        (["memobench[report]==99.*"], "requires memobench ==99.*, and "),
    ],
)
def test_requirements_on_the_core(requires: list[str], problem: str, install: Install) -> None:
    install("mine", offer('Component("mine", lambda: Mine)'), requires=requires)
    found = loaded("mine")
    assert found.problem.startswith(problem)
    assert bool(found.problem) == bool(problem)
    if problem:
        assert found.remedy.startswith("Install a version of memobench that fits")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("from harness import hookimpl\n@hookimpl\ndef harness_judgse():\n    return []\n",
         "harness_judgse is not a hook: did it mean harness_judges?"),
        ("def harness_judgse():\n    return []\n", "harness_judgse is not a hook: did it mean harness_judges?"),
        ("def harness_judges():\n    return []\n", "harness_judges lacks @hookimpl"),
        ("x = 1\n", "implements no hook"),
        ("from harness import hookimpl\n@hookimpl\ndef harness_judges(wrong):\n    return []\n", "misuses a hook: "),
        (offer('Component("a b", lambda: Mine)'), "harness_judges: 'a b' is no name"),
        (offer('Component("a:b", lambda: Mine)'), "harness_judges: 'a:b' is no name"),
        (offer('Component("a/b", lambda: Mine)'), "harness_judges: 'a/b' is no name"),
        (offer('Component("-o", lambda: Mine)'), "harness_judges: '-o' is no name"),
        (offer('Component(None, lambda: Mine)'), "harness_judges: None is no name"),
        (offer('Component("a", lambda: Mine, aliases=("x,y",))'), "harness_judges: 'x,y' is no name"),
        (offer('Component("a", lambda: Mine, aliases="xy")'), "harness_judges: 'a': aliases are a tuple"),
        (offer('Component("a", "mine.judge:Mine")'), "harness_judges: 'a': load is no function"),
        (offer('Component("a")'), "harness_judges: 'a' has neither load nor extends"),
        (offer('Component("a", lambda: Mine, extends="echo")'), "harness_judges: 'a' has both load and extends"),
        (offer('Component("a", lambda: Mine, defaults=["x"])'), "harness_judges: 'a': defaults are a mapping"),
        (offer('Component("a", lambda: Mine, summary=None)'), "harness_judges: 'a': summary and extends are texts"),
        (offer('Path("/nowhere/at/all")', "harness_tasks"), "harness_tasks: the folder '/nowhere/at/all' does not exist"),
        (offer('"tasks"', "harness_tasks"), "harness_tasks returns str instead of "),
    ],
)  # fmt: skip
def test_what_a_plugin_does_wrong_is_named(source: str, problem: str, install: Install) -> None:
    install("wrong", source)
    install("right", offer('Component("right", lambda: Mine)'))
    assert loaded("wrong").problem.startswith(problem)
    assert loaded("right").state == "works"
    assert registry().find("judge", "right").dist == "right"


def test_one_wrong_component_does_not_cost_the_others(install: Install) -> None:
    install(
        "mine",
        offer('Component("a b", lambda: Mine), Component("good", lambda: Mine), Component("good", lambda: Mine)'),
    )  # fmt: skip
    found = loaded("mine")
    assert found.state.startswith("partly disabled: ")
    assert len(found.faults) == 2
    assert "'good' is offered twice" in found.faults[1]
    assert [c.name for c in found.offers["judge"]] == ["good"]


def test_a_hook_that_never_ends_hangs_nothing(install: Install) -> None:
    endless = "    while True:\n        yield Component('x', lambda: Mine)\n"
    install("mine", offer("").replace("    return []\n", endless))
    assert loaded("mine").problem == "harness_judges offers more than 10,000 items"


def test_a_hook_that_returns_nothing_is_told(install: Install) -> None:
    install("mine", offer("").replace("    return []\n", "    return None\n"))
    assert loaded("mine").remarks == ["harness_judges offers nothing"]


def test_an_empty_offer_is_told(install: Install) -> None:
    install("mine", offer(""))
    assert loaded("mine").remarks == ["harness_judges offers nothing"]


def test_names_belong_to_the_core_then_to_its_plugins(install: Install) -> None:
    install(
        "aaa",
        offer('Component("accuracy", lambda: Mine), Component("mine", lambda: Mine)', "harness_metrics"),
    )
    install("bbb", offer('Component("echo", lambda: Mine), Component("own", lambda: Mine, aliases=("fer",))'))
    names = registry()
    assert names.find("metric", "accuracy").dist == "memobench"
    assert names.find("metric", "aaa/accuracy").dist == "aaa"
    assert names.find("judge", "echo").dist == "memobench-plugin-echo"
    assert names.find("judge", "bbb/echo").dist == "bbb"
    assert names.find("judge", "fer").dist == "memobench-plugin-fer"
    (mine,) = (f for f in names.components("metric") if f.dist == "aaa" and f.component.name == "accuracy")
    assert (names.name_of(mine), names.name_of(names.find("metric", "mine"))) == ("aaa/accuracy", "mine")
    clashes = names.clashes(next(p for p in names.plugins if p.dist == "bbb"))
    assert clashes == [
        "the judge 'echo' is also that of memobench-plugin-echo: use bbb/echo",
        "the judge 'fer' is also that of memobench-plugin-fer: use bbb/fer",
    ]


def test_two_plugins_of_others_share_a_name(install: Install) -> None:
    install("one", offer('Component("twin", lambda: Mine)'))
    install("two", offer('Component("twin", lambda: Mine)'))
    with pytest.raises(RequestError, match="one/twin and two/twin"):
        registry().find("judge", "twin")
    names = {registry().name_of(f) for f in registry().components("judge")}
    assert {"one/twin", "two/twin"} <= names


def test_a_preset_extends_a_component_of_another_plugin(install: Install) -> None:
    install(
        "mine",
        offer(
            'Component("sure", extends="echo", defaults={"accuracy": 1.0}),'
            'Component("surer", extends="sure", defaults={"seed": 7})'
        ),
    )
    found = registry().find("judge", "surer")
    judge = make(found, {"accuracy": "0.5"})
    assert (type(judge).__module__, judge.options.accuracy, judge.options.seed) == (
        "memobench_echo.judge",
        0.5,
        7,
    )
    assert {row["name"]: row["default"] for row in options_table(found)}["accuracy"] == 1.0
    assert preset_problem(found) == ""


@pytest.mark.parametrize(
    ("component", "problem"),
    [
        ('Component("p", extends="echo", defaults={"accuracyy": 1.0})', "no option 'accuracyy'; did it mean 'accuracy'?"),
        ('Component("p", extends="echo", defaults={"accuracy": "much"})', "accuracy: .*'much'"),
        ('Component("p", extends="ehco")', "extends 'ehco': Unknown judge 'ehco'"),
        ('Component("p", extends="p")', "extends others in a circle"),
    ],
)  # fmt: skip
def test_presets_that_cannot_be_used(component: str, problem: str, install: Install) -> None:
    install("mine", offer(component))
    found = registry().find("judge", "p")
    message = preset_problem(found)
    assert message
    with pytest.raises((PluginError, BadOption)):
        make(found)
    assert re.search(problem, message), message


def test_everything_installed_here_states_the_version_and_is_free_of_remarks() -> None:
    ours = Path(__file__).parents[2] / "plugins"
    names = {f"memobench-plugin-{folder.name}" for folder in ours.iterdir() if (folder / "src").is_dir()}
    found = [plugin for plugin in load().plugins if plugin.dist in names]
    assert found
    assert [(p.dist, p.state, p.remarks, p.api) for p in found] == [
        (p.dist, "works", [], API_VERSION) for p in found
    ]


def test_plugins_that_are_not_used_change_nothing(install: Install) -> None:
    before = {(f.dist, f.component.name) for f in registry().components("judge")}
    install("broken", plugins.judge("mine", "pass").replace("@hookimpl", ""))
    assert {(f.dist, f.component.name) for f in registry().components("judge")} == before
