"""Says which labels of a vocabulary a task counts as one option, which loses information, and how many pictures have them."""

from __future__ import annotations

from collections import Counter, defaultdict

from harness.scoring.rows import Rows


def vocabulary_notes(rows: Rows) -> list[str]:
    """A note on labels that the task's mapping merges, counted in samples; none where it keeps all of them apart."""
    truth = rows.answer.truth
    merged: dict[str, list[str]] = defaultdict(list)
    for label in truth.vocabulary:
        merged[truth.mapping.get(label, label)].append(label)
    lossy = {
        label: option
        for option, labels in merged.items()
        if len(labels) > 1
        for label in labels
        if label != option
    }
    if not lossy:
        return []
    given = {s.id: truth.label(s.attributes.get(truth.field, "")) for s in rows.samples}
    counts = Counter(label for label in given.values() if label in lossy)
    parts = [
        f"{label} counts as {option} ({counts[label]:,} pictures)"
        for label, option in lossy.items()
        if counts[label]
    ]
    return [f"labels are mapped, which loses information: {'; '.join(parts)}"] if parts else []
