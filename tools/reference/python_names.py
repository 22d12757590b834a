"""The public names of `harness`, from docstrings and the texts below attributes."""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
import itertools
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import harness
from harness import hookspecs
from harness.components.base import Configured
from harness.datasets import imports
from harness.deprecations import DEPRECATIONS
from reference.markdown import code, table
from reference.sources import attribute_docs, attributes, function_signature, methods

INTRO = f"""# Python

The public names: `from harness import NAME`. They are what the [policy](../plugins/compatibility.md) covers, in version
{hookspecs.API_VERSION} of the plugin interface. Plugins also use `harness.parsing`, `harness.hub`, `harness.mllm`,
`harness.people`, `harness.testing` and `harness.remote`: [For plugins](modules.md). Everything else may change at any time.

"""
GROUPS = {
    "What plugins implement": "Judge Generator DataSet Detector Metric Reporter Exporter Executor",
    "Behind a web API": "AsyncJudge AsyncGenerator RemoteOptions RemoteError",
    "What plugins return and state": "Component lazy hookimpl API_VERSION HarnessOptions option",
    "What judges and generators are given and reply": "JudgeRequest JudgeReply ImageRequest ImageReply ReplyError Question Scale Message Part "
    "Picture Sampling Capability Face Sample EMOTIONS RequestSource Listed Context",
    "What metrics, executors and exporters are given": "Scores Estimate HypothesisTest Work Specification make_component ExportSource SampleRow",
    "Run and read": "evaluate load RunResult Results TaskResult MetricValue compare Comparison gate GateReport leaderboard Leaderboard",
    "Errors": "HarnessError RequestError UnknownName BadOption BadTask BadData MissingPackage StorageError PluginError ExitCode nearest",
}
REST = "Others"
IMPORTS = "Importer ImportOptions Record LabelParser Report Source"


def page() -> str:
    """The page."""
    named = {name for names in GROUPS.values() for name in names.split()}
    rest = [name for name in harness.__all__ if name not in named and not name.startswith("_")]
    groups = {title: names.split() for title, names in GROUPS.items()} | ({REST: rest} if rest else {})
    parts = [INTRO, "## Hooks\n", table(["Hook", "Returns"], _hooks())]
    for title, names in groups.items():
        parts.append(f"## {title}\n")
        for name in names:
            parts += _entry(name, getattr(harness, name))
    parts.append("## Deprecated\n\nThese still work, and warn.\n")
    rows = [(code(d.name), d.since, code(d.instead), d.removed_in) for d in DEPRECATIONS.values()]
    parts.append(table(["Name", "Since", "Use instead", "Removed in"], rows) or "Nothing.\n")
    parts.append("## What importers use\n\n`from harness.datasets.imports import NAME`\n")
    for name in IMPORTS.split():
        parts += _entry(name, getattr(imports, name))
    parts.append("## What all components have\n")
    parts += _class("components", Configured, heading=False)
    return "\n".join(parts)


MODULES = {
    "harness.parsing": "Reads free text.",
    "harness.remote": "What judges and generators behind web services share; [Behind a web API](../plugins/async.md) explains it.",
    "harness.hub": "References to models, and where their weights are.",
    "harness.mllm": "Prompts, log-probabilities and presets of multimodal LLMs.",
    "harness.people": "What people are asked in a study, and what their answers say.",
    "harness.testing": "The conformance kit; [What is checked](../plugins/index.md#what-is-checked) says how to use it.",
}
MODULES_INTRO = """# For plugins

What plugins import besides [`harness`](python.md) itself. The same policy covers these names.

"""


def modules() -> str:
    """The page on the public modules besides `harness`."""
    parts = [MODULES_INTRO]
    for name, what in MODULES.items():
        module = importlib.import_module(name)
        parts.append(f"## {name}\n\n{what}\n")
        for public in _public(module):
            parts += _entry(public, getattr(module, public))
    return "\n".join(parts)


def _public(module: ModuleType) -> list[str]:
    """The names that a module offers and `harness` does not, without other packages."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"
    ]
    return sorted(name for name in names if name not in harness.__all__)


def _hooks() -> Iterator[tuple[str, str]]:
    for name, hook in vars(hookspecs).items():
        if name.startswith("harness_"):
            yield code(name), inspect.getdoc(hook) or ""


def _entry(name: str, value: Any) -> Iterator[str]:
    if callable(value) and not inspect.isclass(value):
        value = inspect.unwrap(getattr(value, "__func__", value))
    if inspect.isclass(value):
        yield from _class(name, value)
    elif inspect.isfunction(value):
        yield f"### {name}\n"
        yield f"    {function_signature(value).replace(value.__name__, name, 1)}\n"
        yield _prose(value)
    elif name == "hookimpl":
        yield f"### {name}\n\nMarks a function as the implementation of a hook.\n"
    elif name == "API_VERSION":
        yield f"### {name}\n\n{attribute_doc(name)}\n"
    else:
        yield f"### {name}\n\n`{value!r}`\n"


def attribute_doc(name: str) -> str:
    """The text below a name of `harness.hookspecs`."""
    body = ast.parse(inspect.getsource(hookspecs)).body
    for node, after in itertools.pairwise(body):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == name
        ):
            assert isinstance(after, ast.Expr)
            assert isinstance(after.value, ast.Constant)
            return inspect.cleandoc(str(after.value.value))
    raise LookupError(name)


def _prose(value: Any) -> str:
    return (inspect.getdoc(value) or "").replace("<", "&lt;") + "\n"


def _class(name: str, cls: type, *, heading: bool = True) -> Iterator[str]:
    if heading:
        yield f"### {name}\n"
    yield _prose(cls)
    if issubclass(cls, enum.Enum):
        docs = attribute_docs(cls)
        yield table(
            ["Member", "Value", ""], [(code(m.name), code(str(m.value)), docs.get(m.name, "")) for m in cls]
        )
        return
    own = [a for a in attributes(cls) if a.annotation or a.doc]
    kind = "Field" if dataclasses.is_dataclass(cls) or hasattr(cls, "model_fields") else "Attribute"
    yield table(
        [kind, "Type", "Default", "Meaning"],
        [(code(a.name), code(a.annotation), code(a.default) if a.default else "", a.doc) for a in own],
    )
    found = [m for m in methods(cls) if m.doc]
    for method in found:
        yield f"{code(method.name if method.is_property else method.signature)}\n"
        text = ("To implement. " if method.is_abstract else "") + method.doc.replace("<", "&lt;")
        yield textwrap.indent(text, "    ").replace("    ", ":   ", 1) + "\n"
