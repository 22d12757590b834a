"""How a run tells of its progress; what shows it lives with the command line."""

from __future__ import annotations


class Watch:
    """Hears of progress. This one says nothing; a subclass shows it."""

    def phase(self, title: str, total: int, done: int = 0) -> None:
        """A phase begins: `total` requests, `done` of them stored by an earlier attempt."""

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        """One request is done, for better or worse."""

    def working(self, text: str) -> None:
        """What goes on before the next request is done: "step 12 of 30"."""

    def end(self) -> None:
        """The phase is over."""

    def close(self) -> None:
        """The run is over, for better or worse."""

    def note(self, text: str) -> None:
        """Something that the user should read."""
