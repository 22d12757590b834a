"""`harness presets check`: one line a preset, also of other plugins, and exit code 1 where one fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.testing.models import LLAVA_TEMPLATE, tiny_llava

SOURCE = """
from harness import Component, Judge, PresetCheck, hookimpl

API_VERSION = "1.0"


class Talkative(Judge):
    def check_preset(self, facts):
        {body}


@hookimpl
def harness_judges():
    return [{items}]
"""


def plugin(*items: str, body: str = "return ()") -> str:
    return SOURCE.format(body=body, items=", ".join(items))


def preset(name: str, extends: str, **defaults: Any) -> str:
    return f"Component({name!r}, extends={extends!r}, summary='of the lab', defaults={defaults!r})"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model without its weights."""
    folder = tiny_llava(tmp_path_factory.mktemp("models") / "tiny")
    (folder / "model.safetensors").unlink()
    return folder


def line_of(out: str, name: str) -> str:
    [line] = [line for line in out.splitlines() if line[2:].split(" ", 1)[0] == name]
    return line


def test_presets_of_other_plugins_are_checked(
    harness: Callable[..., Any], install: Callable[..., str], model: Path
) -> None:
    install(
        "memobench-plugin-lab",
        plugin(
            preset("lab-whole", "transformers", ref=str(model)),
            preset("lab-again", "lab-whole", dtype="float32"),
            preset("lab-echo", "echo", accuracy=0.5),
            preset("lab-hub", "transformers", ref="somebody/model"),
            preset("lab-base", "transformers", dtype="float32"),
        ),
    )
    shown = harness("presets", "check", "lab-whole", "lab-again", "lab-echo", "lab-hub", "lab-base")
    assert shown.code == 0, shown
    assert line_of(shown.out, "lab-whole").endswith(
        "defaults, reference, files, architecture, template, options"
    )
    assert line_of(shown.out, "lab-again").startswith("+")
    assert line_of(shown.out, "lab-echo").endswith("defaults")
    assert "not on this disk" in line_of(shown.out, "lab-hub")
    assert "'ref' must be given" in line_of(shown.out, "lab-base")
    assert shown.out.endswith("5 presets: 5 held, 0 failed, 0 skipped\n")


def test_each_fault_has_one_line_and_the_exit_code_is_1(
    harness: Callable[..., Any], install: Callable[..., str], tmp_path: Path
) -> None:
    folders = {}
    for name, file, change in (
        ("lab-class", "config.json", lambda text: text.replace('"llava"', '"lava"')),
        ("lab-slot", "chat_template.jinja", lambda text: "{% for m in messages %}{{ m.role }}{% endfor %}"),
        ("lab-file", "tokenizer.json", None),
    ):
        folder = folders[name] = tiny_llava(tmp_path / name, chat_template=LLAVA_TEMPLATE)
        path = folder / file
        path.unlink() if change is None else path.write_text(change(path.read_text()))
    install(
        "memobench-plugin-lab",
        plugin(
            *(preset(name, "transformers", ref=str(folder)) for name, folder in folders.items()),
            preset("lab-gone", "transformers", ref="/no/such/folder"),
            preset("lab-option", "echo", acuracy=0.5),
            preset("lab-base", "no-such-judge"),
        ),
    )
    names = [*folders, "lab-gone", "lab-option", "lab-base"]
    shown = harness("presets", "check", *names)
    assert shown.code == 1, shown
    for name, says in (
        ("lab-class", "does not know the architecture 'lava'. -> Did you mean 'llava'?"),
        ("lab-slot", "no place for the picture"),
        ("lab-file", "no tokenizer (tokenizer.json)"),
        ("lab-gone", "neither an existing folder"),
        ("lab-option", "did it mean 'accuracy'?"),
        ("lab-base", "extends 'no-such-judge'"),
    ):
        line = line_of(shown.out, name)
        assert line.startswith("x "), line
        assert says in line
        assert " -> " in line
    assert "6 presets: 0 held, 6 failed" in shown.out
    assert "Traceback" not in shown.out + shown.err
    document = json.loads(harness("presets", "check", *names, "--json").out)
    assert document["failed"] == 6
    [gone] = [one for one in document["presets"] if one["name"] == "lab-gone"]
    assert gone["checks"][-1]["state"] == "failed"
    assert gone["checks"][-1]["fix"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("yield PresetCheck('taste', 'It is bland.', 'Add salt.')", "taste: It is bland. -> Add salt."),
        ("raise ZeroDivisionError('boom')", "ZeroDivisionError: boom"),
        ("return ['fine']", "must yield PresetCheck, but yielded str"),
        ("raise SystemExit(0)", "SystemExit"),
    ],
)
def test_what_a_plugin_says_of_its_own_presets(
    body: str, says: str, harness: Callable[..., Any], install: Callable[..., str]
) -> None:
    item = "Component('lab-own', lambda: Talkative, 'its own')"
    install("memobench-plugin-lab", plugin(item, preset("lab-two", "lab-own"), body=body))
    shown = harness("presets", "check", "lab-two")
    assert shown.code == 1, shown
    assert says in line_of(shown.out, "lab-two")


def test_facts_are_passed_on(harness: Callable[..., Any], install: Callable[..., str]) -> None:
    item = "Component('lab-own', lambda: Talkative, 'x', facts=lambda: [('taste', 'sour', 'card')])"
    body = "yield PresetCheck('taste', 'It is ' + facts['taste'], 'Add sugar.')"
    install("memobench-plugin-lab", plugin(item, preset("lab-two", "lab-own"), body=body))
    assert "It is sour" in harness("presets", "check", "lab-two").out


def test_an_unknown_preset_is_answered_with_the_nearest(harness: Callable[..., Any]) -> None:
    harness("presets", "check", "nanoo").refuses(2, "no preset 'nanoo'", "'nano'")
