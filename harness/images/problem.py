"""Why a picture cannot be used."""

from __future__ import annotations


class PictureProblem(Exception):
    """Why a picture cannot be used: `kind` is machine-readable, the message is for users.

    `retryable`: the picture may be good, and be read another time.
    """

    def __init__(self, kind: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.kind, self.retryable = kind, retryable
