"""What the source says about a class beyond its docstring: the texts below attributes, signatures as written."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """An attribute of a class as it is written: its annotation, its default, and the text below it."""

    name: str
    annotation: str
    default: str
    doc: str


@dataclass(frozen=True)
class Method:
    """A method as it is written."""

    name: str
    signature: str
    doc: str
    is_property: bool
    is_abstract: bool


def _body(cls: type) -> list[ast.stmt]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    (node,) = tree.body
    assert isinstance(node, ast.ClassDef)
    return node.body


def _text(node: ast.stmt | None) -> str:
    constant = node.value if isinstance(node, ast.Expr) else None
    text = constant.value if isinstance(constant, ast.Constant) else ""
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def attributes(cls: type) -> Iterator[Attribute]:
    """The public attributes that a class itself declares, in order."""
    body = _body(cls)
    for node, after in zip(body, [*body[1:], None], strict=True):
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            target = node.targets[0]
        if not isinstance(target, ast.Name) or target.id.startswith("_") or target.id == "model_config":
            continue
        annotation = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
        value = node.value if isinstance(node, (ast.AnnAssign, ast.Assign)) else None
        description = _description(value)
        default = "" if value is None or isinstance(value, ast.Call) else ast.unparse(value)
        yield Attribute(target.id, annotation, default, _text(after) or description)


def _description(value: ast.expr | None) -> str:
    """The description of a pydantic field."""
    for keyword in value.keywords if isinstance(value, ast.Call) else ():
        if keyword.arg == "description" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


def attribute_docs(cls: type) -> dict[str, str]:
    """The text below each attribute."""
    return {attribute.name: attribute.doc for attribute in attributes(cls)}


def methods(cls: type) -> Iterator[Method]:
    """The public methods and properties that a class itself declares, in order; `__init__` if it has a docstring."""
    for node in _body(cls):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        doc = ast.get_docstring(node) or ""
        if node.name.startswith("_") and not (node.name == "__init__" and doc):
            continue
        marks = {ast.unparse(d).split(".")[-1] for d in node.decorator_list}
        yield Method(
            node.name,
            signature(node),
            doc,
            bool(marks & {"property", "cached_property"}),
            "abstractmethod" in marks,
        )


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A signature without `self`, as it is written."""
    arguments = node.args
    if arguments.args and arguments.args[0].arg in ("self", "cls"):
        arguments.args = arguments.args[1:]
    kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"{kind}{node.name}({ast.unparse(arguments)}){returns}"


def function_signature(function: object) -> str:
    """The signature of a function, as it is written."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    (node,) = tree.body
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    return signature(node)
