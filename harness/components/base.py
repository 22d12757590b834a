"""Base class of all components: options, identity, open and close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.components.options import HarnessOptions


class Configured:
    """A component configured by validated options. Its constructor must not import or load anything heavy."""

    class Options(HarnessOptions):
        """The component's options; a subclass declares its own."""

    def __init__(self, options: Any = None) -> None:
        """`options` is a validated instance of `Options`, or None for all defaults."""
        self.options: Any = self.Options() if options is None else options

    def identity(self) -> Mapping[str, str]:
        """What determines answers in addition to the options (revision or digest of the weights); known before weights load.

        By default a plugin is identified by its code: the files of its package, of which the first 2,000 or 200 MB count with
        their contents, and the version of its distribution. What it reads elsewhere is not covered. An object created in
        Python then counts as a new model each time, so its run cannot be resumed.
        """
        return {}

    def contacts(self) -> Sequence[str]:
        """What it contacts over a network, one line each, for `--dry-run`. Contacts nothing itself; contains no secrets."""
        return ()

    def reports_cost(self) -> bool | None:
        """Whether its replies say what they cost (`usage["cost"]`), as its options are; None if that is not known."""
        return None

    def expected_cost(self, requests: int, prompt_tokens: float, reply_tokens: float) -> float | None:
        """The most that so many requests are expected to cost, for `--dry-run`; None if no prices are known.

        Both numbers of tokens are totals: estimated ones of the prompts, and the limits of the replies.
        """
        return None

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Load weights and other resources. Called once, before the first request.

        Declare it as `open(self)`, or as `open(self, context: harness.Context)` to be given a folder that is kept with the
        run, the devices to use, and a logger.
        """

    def close(self) -> None:
        """Release the resources of `open`. May be called twice, or without `open`."""
