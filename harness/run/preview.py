"""What a run would do: counts, one rendered prompt, what it would cost. Asks nothing, stores nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from harness.escaping import plain
from harness.prompts import as_text, render, shown_options
from harness.run.plan import Plan
from harness.run.session import drawn_questions, judge_jobs, wanted_drawings
from harness.types import EMOTIONS


def preview(plan: Plan) -> str:
    """The text of `--dry-run`."""
    request = plan.request
    path = request.out or Path("runs") / plan.name()
    lines = [f"run folder: {path}" + (" (exists: would be resumed)" if (path / "run.json").exists() else "")]
    if plan.generator is None:
        jobs = list(judge_jobs(plan))
        asked = Counter(q for job in jobs for q in job.questions)
        lines += [f"model: {plan.model.name} (judge)", f"pictures: {len(jobs)}"]
        emotions, first = Counter(j.sample.emotion for j in jobs), jobs[0].sample.id if jobs else "?"
    else:
        wanted = wanted_drawings(plan)
        asked = Counter(q for d in wanted for q in drawn_questions(plan, d))
        lines += [f"model: {plan.model.name} (generator)", f"portraits to draw: {len(wanted)}",
                  f"judges: {', '.join(j.name for j in plan.judges)}"]  # fmt: skip
        emotions, first = Counter(d.row.emotion for d in wanted), wanted[0].request.id if wanted else "?"
        if wanted:
            lines.append(f"first prompt: {wanted[0].request.prompt}")
    lines.append("emotions: " + ", ".join(f"{e} {emotions[e]}" for e in (*EMOTIONS, None) if emotions[e]))
    total, tokens = 0, 0
    for question, spec in plan.questions.items():
        assert spec.answer is not None
        wordings = [w for w in spec.prompts if w.default]
        each = 1 if plan.generator else len(wordings) * request.repeats
        count = asked[question] * each * len(plan.judges)
        total += count
        tokens += count * spec.sampling.max_tokens
        reads = ", ".join(sorted({reads[question] for reads in plan.reads.values()}))
        lines.append(f"{question}: {count} requests, read by {reads}")
        messages = render(wordings[0], spec.answer, shown_options(spec.answer, first, request.seed), "happy")
        lines += ["  " + line for line in as_text(messages).splitlines()]
    lines.append(f"cost: {total} requests, at most {tokens:,} reply tokens; prices are the provider's")
    # Prompts and names of data are untrusted.
    return "".join(plain(line) + "\n" for text in lines for line in text.split("\n"))
