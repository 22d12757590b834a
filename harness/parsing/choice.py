"""Parse the answer to a choice question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from harness.parsing.clean import key
from harness.parsing.reply_parser import ReplyParser
from harness.parsing.result import Parsed, Unparsed
from harness.parsing.vocabulary import Vocabulary, build, with_labels

_CACHED_QUESTIONS = 4096  # orders of options and labels
_CACHED_WORDS = 64


def check_options(options: Sequence[str], labels: Sequence[str] | None) -> None:
    """Raise ValueError for options or labels that do not distinguish the answers."""
    if isinstance(options, str):
        raise ValueError("options must be a sequence of strings, not one string")
    if not options:
        raise ValueError("options are empty: at least one is required")
    for name, given in (("option", options), ("label", labels or ())):
        folded = [key(one) for one in given]
        if not all(folded):
            raise ValueError(f"an empty {name} cannot be parsed: {list(given)!r}")
        if len(set(folded)) != len(folded):
            raise ValueError(f"two {name}s differ only in case or accents: {list(given)!r}")
    if labels is not None and len(labels) != len(options):
        raise ValueError(f"{len(labels)} labels for {len(options)} options: give one label per option")


@lru_cache(maxsize=_CACHED_WORDS)
def _words(options: tuple[str, ...], synonyms: tuple[tuple[str, tuple[str, ...]], ...]) -> Vocabulary:
    """The vocabulary of a set of options, independent of their order and labels."""
    return build({option: [option] for option in options}, synonyms=dict(synonyms)).finish()


@lru_cache(maxsize=_CACHED_QUESTIONS)
def _parser(
    options: tuple[str, ...],
    labels: tuple[str, ...] | None,
    synonyms: tuple[tuple[str, tuple[str, ...]], ...],
) -> ReplyParser:
    check_options(options, labels)
    unknown = [option for option, _ in synonyms if option not in options]
    if unknown:
        raise ValueError(
            f"synonyms given for {unknown[0]!r}, which is not one of the options {list(options)!r}"
        )
    vocabulary = _words(tuple(sorted(options)), synonyms)
    if labels is not None:
        vocabulary = with_labels(vocabulary, dict(zip(labels, options, strict=True)))
    return ReplyParser(vocabulary)


def read_choice(
    text: str,
    options: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    synonyms: Mapping[str, Sequence[str]] | None = None,
) -> Parsed[str] | Unparsed:
    """The option that `text` commits to, in the spelling of `options`, or why there is none.

    `labels[i]` is the label shown before `options[i]` ("A", "(b)", "1."). `synonyms` maps an option to further words
    that a task accepts for it ("fear" for "worry"). Raises ValueError for empty or duplicate options, a wrong number
    of labels, or synonyms of an unknown option; never raises because of the text.
    """
    if isinstance(options, str):
        raise ValueError("options must be a sequence of strings, not one string")
    declared = tuple((option, tuple(words)) for option, words in synonyms.items()) if synonyms else ()
    parser = _parser(tuple(options), tuple(labels) if labels is not None else None, declared)
    return parser.parse(text)  # type: ignore[return-value]
