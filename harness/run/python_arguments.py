"""Arguments of functions in Python: names that do not exist, and messages that name an argument instead of an option."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection
from typing import ParamSpec, TypeVar

from harness.errors import BadOption, RequestError, nearest

P = ParamSpec("P")
R = TypeVar("R")
_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)(?: (?=[\d\"']))?")
_COMMAND = re.compile(r"(`[^`]*`|harness [a-z]+ -[^.;]*)")


class WrongArgument(BadOption, TypeError):
    """An argument that a function does not have."""


def named_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse arguments that a function does not have with the nearest name; errors speak of arguments, not of options."""
    known = tuple(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                guess = nearest(name, known)
                raise WrongArgument(
                    f"{function.__name__} has no argument {name!r}.",
                    (f"Did you mean {guess!r}? " if guess else "") + f"Arguments: {', '.join(known)}.",
                )
        try:
            return function(*args, **kwargs)
        except RequestError as e:
            e.message, e.hint = _of_arguments(e.message, known), _of_arguments(e.hint, known)
            raise

    return call


def _of_arguments(text: str, known: Collection[str]) -> str:
    """The text with `--max-cost` as `max_cost`, and `--max-cost 2.5` as `max_cost=2.5`; commands stay as they are."""

    def argument(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        name = f"{name}s" if f"{name}s" in known and name not in known else name
        return f"{name}{'=' if found[0].endswith(' ') else ''}" if name in known else found[0]

    parts = _COMMAND.split(text.replace("-o KEY=VALUE", 'options={"KEY": "VALUE"}'))
    return "".join(part if number % 2 else _OPTION.sub(argument, part) for number, part in enumerate(parts))
