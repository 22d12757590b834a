"""Registers the command and the judge. The web server is imported when a study is served."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_commands() -> Sequence[Component]:
    return [
        Component(
            "annotate", lazy("memobench_annotate.command:annotate"), "people rate portraits in a browser"
        )
    ]


@hookimpl
def harness_judges() -> Sequence[Component]:
    return [
        Component(
            "people",
            lazy("memobench_annotate.people:People"),
            "the people of a study, as one judge: people:STUDY",
        )
    ]
