"""What a paper says of a run: a paragraph on methods, one on results, and the references that both use.

Every figure is that of `results.json`. Only methods that this run used are named and cited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.escaping import latex, plain
from harness.exporting.citation_sentences import methods_sentences, results_sentences
from harness.exporting.references import PUBLICATIONS, Reference, labels, software
from harness.exporting.source import ExportSource

MARK = "\x00"
"""Encloses the keys of references in a sentence, until it is known how they are to be shown."""


@dataclass(frozen=True)
class Citation:
    """Paragraphs with marked references, and the references in the order in which they occur."""

    methods: str
    results: str
    references: tuple[Reference, ...]

    def text(self) -> tuple[str, str]:
        """Methods and results with authors and years: "(Korn and Graubard 1998)"."""
        named = labels(self.references)

        def show(keys: Sequence[str]) -> str:
            return f" ({'; '.join(named[key] for key in keys)})"

        return _shown(self.methods, show), _shown(self.results, show)

    def latex(self) -> tuple[str, str]:
        r"""The same for LaTeX, with `\cite`."""

        def show(keys: Sequence[str]) -> str:
            return rf"~\cite{{{','.join(keys)}}}"

        return _shown(self.methods, show, latex), _shown(self.results, show, latex)

    def bibtex(self) -> str:
        """The entries."""
        return "\n\n".join(reference.bibtex() for reference in self.references) + "\n"

    def document(self) -> dict[str, Any]:
        """All of it as JSON values."""
        named = labels(self.references)
        methods, results = self.text()
        as_latex = self.latex()
        return {
            "methods": methods,
            "results": results,
            "latex": {"methods": as_latex[0], "results": as_latex[1]},
            "references": [
                {"key": r.key, "label": named[r.key], "text": r.text(), "bibtex": r.bibtex()}
                for r in self.references
            ],
        }


def cite(source: ExportSource) -> Citation:
    """What a paper says of a run."""
    methods = _joined(methods_sentences(source))
    results = _joined(results_sentences(source))
    own = software(source.results.run.versions.get("memobench", "unknown"))
    known = {own.key: own, **PUBLICATIONS}
    used = dict.fromkeys(key for keys in _marked(methods + results) for key in keys)
    return Citation(methods, results, tuple(known[key] for key in used))


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _marked(text: str) -> Iterator[list[str]]:
    for found in re.findall(f"{MARK}([^{MARK}]*){MARK}", text):
        yield found.split(",")


def _shown(text: str, show: Any, escape: Any = plain) -> str:
    """The text with marks shown and all else escaped: names of models and data are not to be trusted."""
    parts = text.split(MARK)
    return "".join(show(part.split(",")) if i % 2 else escape(part) for i, part in enumerate(parts))
