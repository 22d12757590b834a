"""A new plugin: a distribution with one component of a kind, whose tests, lint and types pass at once."""

from __future__ import annotations

import re
import shutil
import string
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from harness.errors import BadOption, BadOutput
from harness.hookspecs import API_VERSION

PREFIX = "memobench-plugin-"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 50


@dataclass(frozen=True)
class Kind:
    """What a kind of plugin is made of."""

    hook: str
    shown: str
    """The kind as a user reads it."""
    use: str
    """A command that uses the component."""
    requires: tuple[str, ...] = ()
    module: str = "module"
    """The module of the class: its template, and with the kind's name the file."""
    suffix: str = ""
    """What the class is called after the name of the plugin."""


_KINDS: Mapping[str, Kind] = {
    "judge": Kind(
        "harness_judges",
        "judge",
        "harness run --task coarse_emotion --model {name}",
        ("pillow>=10.1",),
        suffix="Judge",
    ),
    "generator": Kind(
        "harness_generators",
        "generator",
        "harness run --task t2i_emotion --model {name} --judge fer",
        ("pillow>=10.1",),
        suffix="Generator",
    ),
    "dataset": Kind(
        "harness_datasets",
        "data set",
        "harness run --task coarse_emotion --model fer --data {name}",
        ("pillow>=10.1",),
        suffix="DataSet",
    ),
    "detector": Kind(
        "harness_detectors",
        "detector",
        'harness show {name}   # a task names it: detector = "{name}"',
        ("pillow>=10.1",),
        suffix="Detector",
    ),
    "metric": Kind(
        "harness_metrics",
        "metric",
        'harness show {name}   # a task names it: [[metrics]] name = "{name}"',
        ("numpy>=1.26",),
        suffix="Metric",
    ),
    "reporter": Kind("harness_reporters", "reporter", "harness show RUN --format {name}", suffix="Reporter"),
    "exporter": Kind(
        "harness_exporters", "exporter", "harness export RUN --format {name}", suffix="Exporter"
    ),
    "executor": Kind(
        "harness_executors",
        "executor",
        "harness run --task coarse_emotion --model fer --executor {name}",
        suffix="Executor",
    ),
    "importer": Kind("harness_importers", "importer", "harness data import {name} PATH", suffix="Importer"),
    "command": Kind("harness_commands", "command", "harness {name} --help", ("click>=8.1",)),
    "task": Kind("harness_tasks", "task", "harness run --task {task} --model fer", module=""),
    "preset": Kind(
        "harness_judges",
        "judge",
        "harness run --task coarse_emotion --model {name}",
        ("memobench-plugin-openai",),
        module="",
    ),
}
KINDS = tuple(_KINDS)
"""The kinds of plugin that can be written."""
_SUMMARIES = {
    "judge": "answers from how bright a picture is",
    "generator": "draws shapes that follow from prompt and seed",
    "dataset": "drawn faces of a few people",
    "detector": "finds what is more red than blue",
    "metric": "share of correct answers among those that could be parsed",
    "reporter": "one line for each task",
    "exporter": "one line of JSON for each question",
    "executor": "in this process, with the time that it takes",
    "importer": "pictures named PERSON-EMOTION.png",
    "command": "says a text",
    "task": "Is the emotion pleasant or unpleasant?",
    "preset": "a short name for a model on a server of your own",
}


def new_plugin(name: str, kind: str, parent: Path) -> Path:
    """Write a plugin to a new folder `memobench-plugin-NAME` of `parent`, and return the folder.

    Raises `BadOption` for a name that does not fit, with the nearest one that does, and `BadOutput` if the folder exists or
    cannot be written. The folder is written aside and renamed, so that it is complete or absent.
    """
    name = plugin_name(name)
    folder = parent / f"{PREFIX}{name}"
    if folder.exists() or folder.is_symlink():
        raise BadOutput(f"{folder.name!r} exists already.", "Choose another name, or remove it first.")
    try:
        aside = Path(tempfile.mkdtemp(prefix=".new-plugin-", dir=parent))
    except OSError as e:
        raise BadOutput(f"Nothing can be written here: {e.strerror}.", "Change to another folder.") from e
    try:
        for path, text in _files(name, kind).items():
            target = aside / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        aside.chmod(0o755)
        aside.rename(folder)
    except OSError as e:
        shutil.rmtree(aside, ignore_errors=True)
        raise BadOutput(f"{folder.name!r} cannot be written: {e.strerror}.", "Free some space.") from e
    return folder


def plugin_name(given: str) -> str:
    """The name of a plugin without its prefix. Raises `BadOption`, with the nearest that fits, for another."""
    name = given.removeprefix(PREFIX)
    if _NAME.fullmatch(name) and len(name) <= _LONGEST:
        return name
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    if words and not words[0][0].isalpha():
        words.insert(0, "my")
    nearest = "-".join(words)[:_LONGEST].rstrip("-") or "smile"
    raise BadOption(
        f"{given!r:.80} is no name for a plugin: small letters and digits, with single hyphens, a letter first.",
        f"For example: harness plugin new {nearest}",
    )


def next_steps(folder: Path, kind: str) -> list[str]:
    """What to type next, line by line."""
    name = folder.name.removeprefix(PREFIX)
    return [
        "next:",
        f"  cd {folder.name}",
        "  pip install -e '.[test]'",
        "  harness list plugins",
        f"  harness plugin check {folder.name}",
        "  pytest",
        f"  {_KINDS[kind].use.format(name=name, task=name.replace('-', '_'))}",
        "  pip install build && python -m build",
    ]


def _files(name: str, kind: str) -> dict[str, str]:
    """The files of a plugin by path."""
    known = _KINDS[kind]
    package = f"memobench_plugin_{name.replace('-', '_')}"
    values = _values(name, kind, package)
    home = f"src/{package}"
    found = {
        "pyproject.toml": _filled("common/pyproject.toml", values),
        "README.md": _filled("common/README.md", values),
        ".gitignore": _filled("common/gitignore", values),
        f"{home}/__init__.py": _filled("common/init.py", values),
        f"{home}/py.typed": "",
        f"{home}/plugin.py": _filled("common/plugin.py" if known.module else f"{kind}/plugin.py", values),
        "tests/test_plugin.py": _filled("common/test_plugin.py", values),
        f"tests/test_{kind}.py": _filled(f"{kind}/test.py", values),
    }
    if known.module:
        found[f"{home}/{kind}.py"] = _filled(f"{kind}/module.py", values)
    if kind == "task":
        found[f"{home}/tasks/{values['task']}.toml"] = _filled("task/task.toml", values)
    return found


def _values(name: str, kind: str, package: str) -> dict[str, str]:
    known = _KINDS[kind]
    camel = "".join(word.capitalize() for word in name.split("-"))
    function = f"{name.replace('-', '_')}_command"
    files = {
        "task": f"| `src/{package}/tasks/` | the task: what is asked, and how answers are scored |",
        "preset": f"| `src/{package}/plugin.py` | the preset: which judge, with which options |",
    }
    task = name.replace("-", "_")
    return {
        "name": name,
        "task": task,
        "dist": f"{PREFIX}{name}",
        "package": package,
        "entry": task,
        "Class": camel.removesuffix(known.suffix) or camel,
        "function": function,
        "kind": known.shown,
        "hook": known.hook,
        "module": kind,
        "loads": function
        if kind == "command"
        else f"{camel.removesuffix(known.suffix) or camel}{known.suffix}",
        "summary": _SUMMARIES[kind],
        "requires": ", ".join(f'"{line}"' for line in ("memobench>=0.1", *known.requires)),
        "use": known.use.format(name=name, task=task),
        "files": files.get(kind, f"| `src/{package}/{kind}.py` | the {known.shown}, imported on first use |"),
        "api": API_VERSION,
    }


def _filled(template: str, values: Mapping[str, str]) -> str:
    file = resources.files("harness.scaffold") / "templates" / f"{template}.tmpl"
    return string.Template(file.read_text(encoding="utf-8")).substitute(values)
