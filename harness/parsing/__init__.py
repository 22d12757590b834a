"""Parse free-text replies into answers, or give the reason why a reply has none. Never guesses, never raises.

A reply passes through stages, one module each: `clean` (thinking, end tokens, markup), `fields` (JSON), `tokens` with
`vocabulary` and `labels` (which words, letters and numbers name an option), `clauses` and `clause_parser` (what each
clause says about the options; `unasserted` and `attribution` find statements that are not the reply's own), and
`resolve` (the last explicit commitment wins).
"""

from __future__ import annotations

from harness.parsing.choice import read_choice
from harness.parsing.pair import read_pair
from harness.parsing.rating import read_rating
from harness.parsing.result import Parsed, Unparsed

__all__ = ["Parsed", "Unparsed", "read_choice", "read_pair", "read_rating"]
