"""Options that several subcommands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])


def component_options(flag: str, of: str, name: str = "", prefix: str = "") -> Callable[[F], F]:
    """The repeatable option `flag` for the options of a component. `name` is its parameter, by default the flag's plural;
    `prefix` stands before KEY=VALUE where one of several components can be named.
    """
    name = name or f"{flag.lstrip('-').replace('-', '_')}s"
    metavar, text = f"{prefix}KEY=VALUE", f"An option of {of}; repeatable."
    return click.option(flag, name, multiple=True, metavar=metavar, help=text)


executor = click.option(
    "--executor", default="local", show_default=True, metavar="NAME", help="Where models run."
)
executor_options = component_options("--executor-option", "the executor")
detector_options = component_options("--detector-option", "the face detector")
max_failures = click.option("--max-failures", type=int, metavar="N", help="Stop after N failures.")
timeout = click.option(
    "--timeout", metavar="T", help="Fail what has no reply after T, such as 120 or 2m. [default: no limit]"
)
json_results = click.option(
    "--json", "as_json", is_flag=True, help="Print results.json, and nothing else, on standard output."
)
