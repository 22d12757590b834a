"""Parse free-text replies into answers, or give the reason why a reply has none. Never guesses, never raises.

A reply passes through stages: `thinking` and `clean` cut what is not the answer, `declared` reads the forms in which models
declare one (with `fields` for JSON), and only where there is none, `prose` understands sentences. `vocabulary` holds the
names of one question's options; all words come from the TOML files in `words/`.
"""

from __future__ import annotations

from harness.parsing.choice import read_choice
from harness.parsing.pair import read_pair
from harness.parsing.rating import read_rating
from harness.parsing.result import Parsed, Unparsed

__all__ = ["Parsed", "Unparsed", "read_choice", "read_pair", "read_rating"]
