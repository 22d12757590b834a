"""Completes names on the command line: tasks, models, data sets, runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def tasks(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tasks and suites, after a comma too."""
    from harness.tasks import catalog

    return _after_comma(incomplete, lambda: catalog.names())


def models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Judges and generators."""
    return _after_comma(incomplete, lambda: [*_components("judge"), *_components("generator")])


def judges(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Judges."""
    return _after_comma(incomplete, lambda: _components("judge"))


def generators(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Generators."""
    return _after_comma(incomplete, lambda: _components("generator"))


def data_sets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Registered data sets; the shell adds folders."""
    found = _after_comma(incomplete, lambda: _components("data set"))
    return found or [CompletionItem(incomplete, type="dir")]


def prompts(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Prompt sets; the shell adds files."""
    from harness.tasks import catalog

    found = _after_comma(incomplete, lambda: catalog.prompt_sets())
    return found or [CompletionItem(incomplete, type="file")]


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Runs in the folder of runs; the shell adds folders."""
    return _runs(incomplete) or [CompletionItem(incomplete, type="dir")]


def shown(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What `harness show` takes: runs, tasks, components."""
    named = [*tasks(context, parameter, incomplete), *models(context, parameter, incomplete)]
    return [*_runs(incomplete), *named] or [CompletionItem(incomplete, type="dir")]


def _runs(incomplete: str) -> list[CompletionItem]:
    from harness.config import config

    return _matching("", incomplete, lambda: (path.parent.name for path in config().runs.glob("*/run.json")))


def _components(kind: str) -> list[str]:
    from harness.registry.registry import registry

    return [registry().name_of(found) for found in registry().components(kind)]


def _after_comma(incomplete: str, names: Callable[[], Iterable[str]]) -> list[CompletionItem]:
    before, comma, last = incomplete.rpartition(",")
    return _matching(before + comma, last, names)


def _matching(before: str, start: str, names: Callable[[], Iterable[str]]) -> list[CompletionItem]:
    try:
        return [CompletionItem(before + name) for name in sorted(set(names())) if name.startswith(start)]
    except Exception:  # a message would land in the middle of the line that is being typed
        return []
