"""Reads answers out of sentences: what each clause says about the options, and what the reply commits to in the end.

`tokens` finds the words of the lexicon, `labels`, `typos` and `rating_numbers` the other names of options, `clauses` cuts
the text, `clause_parser` with `mentions` says what a clause does with an option, `unasserted` and `attribution` find what
the reply does not say itself, and `resolve` weighs the clauses: the last explicit commitment wins.
"""
