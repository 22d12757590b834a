"""Base class of all components: options, identity, open and close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.components.options import HarnessOptions
from harness.components.preset_check import PresetCheck


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

    @classmethod
    def known_references(cls) -> Sequence[str]:
        """Short names that its option `ref` takes besides references, such as those of presets that another plugin
        registers: `harness presets check` checks `NAME:REF` for each."""
        return ()

    def check_preset(self, facts: Mapping[str, str]) -> Iterable[PresetCheck]:
        """Check, for `harness presets check`, a preset whose options this component was made with.

        Without weights and without network: is the reference well formed, are the files there, does the installed version of
        the library know the architecture. `facts` are the preset's facts by name, such as `architecture`. Called on a
        component that is never opened; what it raises is a failed check. By default only the options are checked.
        """
        return ()

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Load weights and other resources. Called once, before the first request.

        Declare it as `open(self)`, or as `open(self, context: harness.Context)` to be given a folder that is kept with the
        run, the devices to use, and a logger.
        """

    def close(self) -> None:
        """Release the resources of `open`. May be called twice, or without `open`."""
