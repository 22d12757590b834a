"""Reads what a model answered in free text, or says why it cannot: never guesses, never raises for any text.

A reply goes through stages, one module each: `clean` (thinking, end tokens, markup), `fields` (JSON),
`tokens` with `vocabulary` and `labels` (which words, letters and numbers name an option), `clauses` and
`commit` (what each clause does with them; `unasserted` and `voices` find what is not the reply's own word), `resolve` (the last explicit commitment wins).
"""

from __future__ import annotations

from harness.parsing.choice import read_choice
from harness.parsing.pair import read_pair
from harness.parsing.rating import read_rating
from harness.parsing.result import Parsed, Unparsed

__all__ = ["Parsed", "Unparsed", "read_choice", "read_pair", "read_rating"]
