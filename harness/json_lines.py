"""Encodes many short records as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder as _json
from typing import Any

_TOO_DEEP = "it nests too deeply, or contains itself"


def line_encoder(*, ascii_only: bool, compact: bool) -> Callable[[Any], str]:
    """A function that encodes a value as `json.dumps` does, without the set-up that `json` repeats for each text.

    `ascii_only` escapes all other characters; `compact` leaves out the spaces after separators. The function raises
    `TypeError` or `ValueError` for a value that is not JSON, NaN and infinity included.
    """
    separators = (",", ":") if compact else (", ", ": ")
    slow = json.JSONEncoder(ensure_ascii=ascii_only, separators=separators, allow_nan=False)
    make: Any = getattr(_json, "c_make_encoder", None)
    if make is None:
        return slow.encode
    text = _json.encode_basestring_ascii if ascii_only else _json.encode_basestring
    chunks = make(None, slow.default, text, None, separators[1], separators[0], False, False, False)

    def encode(value: Any) -> str:
        try:
            return "".join(chunks(value, 0))
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None

    return encode
