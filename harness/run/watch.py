"""How a run reports its progress; the command line shows it."""

from __future__ import annotations


class Watch:
    """Receives progress. This one shows nothing; a subclass does."""

    def phase(self, title: str, total: int, done: int = 0) -> None:
        """A phase starts: `total` requests, `done` of them stored by an earlier attempt."""

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        """One request is done, whether answered or failed."""

    def working(self, text: str) -> None:
        """What happens until the next request is done: "step 12 of 30"."""

    def end(self) -> None:
        """The phase is over."""

    def close(self) -> None:
        """The run is over, whether it succeeded or not."""

    def note(self, text: str) -> None:
        """Something that the user should read."""
