"""What a run would do: counts, rendered prompts, cost. Asks nothing, stores nothing."""

from __future__ import annotations

from collections import Counter

from harness.escaping import plain
from harness.run.expected_costs import CHARACTERS, PICTURE_TOKENS, costs
from harness.run.plan import Plan
from harness.run.schedule import image_truths, judge_jobs, planned_images
from harness.tasks.answers import statement_of, truth_of
from harness.tasks.prompts import as_text, render, shown_options
from harness.types import EMOTIONS


def preview(plan: Plan) -> str:
    """The text of `--dry-run`."""
    request = plan.request
    path = plan.folder
    exists = "moved to its folder previous and asked anew" if request.fresh else "resumed"
    lines = [
        f"run folder: {path}" + (f" (exists: would be {exists})" if (path / "run.json").exists() else "")
    ]
    if plan.generator is None:
        jobs = list(judge_jobs(plan, request.shard))
        asked = Counter(q for job in jobs for q in job.questions)
        pairs = len({(j.data, j.sample.attributes["pair"]) for j in jobs if j.pair})
        alone = [j for j in jobs if j.pair is None and "question" not in j.extra]
        single = {(j.data, j.sample.path) for j in jobs if "question" in j.extra}
        lines += [f"model: {plan.model.name} (judge)", f"pictures: {max(len(alone), len(single))}"]
        lines += [f"pairs of pictures: {pairs}"] * (pairs > 0)
        emotions = Counter(j.sample.emotion for j in alone)
        first = {q: job.sample for job in reversed(jobs) if not job.sample.problem for q in job.questions}
    else:
        wanted = planned_images(plan, request.shard)
        asked = Counter(q for image in wanted for q in image_truths(plan, image))
        lines += [
            f"model: {plan.model.name} (generator)",
            f"portraits to generate: {len(wanted)}",
            f"judges: {', '.join(j.name for j in plan.judges)}",
        ]
        emotions = Counter(image.row.emotion for image in wanted)
        first = {
            q: image.sample(plan.model.name, delivered=True)
            for image in reversed(wanted)
            for q in image_truths(plan, image)
        }
        if wanted:
            lines.append(f"first prompt: {wanted[0].request.prompt}")
    lines += _contacts(plan)
    lines.append("emotions: " + ", ".join(f"{e} {emotions[e]}" for e in (*EMOTIONS, None) if emotions[e]))
    workload = Counter[str]()
    for question, spec in plan.questions.items():
        assert spec.answer is not None
        each = 1 if plan.generator else len(spec.prompt_variants) * request.repeats
        count = asked[question] * each
        workload["requests"] += count
        workload["reply tokens"] += count * spec.sampling.max_tokens
        modes = ", ".join(sorted({modes[question] for modes in plan.answer_modes.values()}))
        lines.append(f"{question}: {count * len(plan.judges)} requests, answer mode {modes}")
        variants = spec.prompt_variants[:1] if plan.generator else spec.prompt_variants
        for variant in variants:
            sample = first.get(question)
            if sample is not None:
                shown = shown_options(spec.answer, sample.id, request.seed, truth_of(spec.answer, sample))
                text = as_text(
                    render(variant, spec.answer, shown, sample.emotion, statement_of(spec.answer, sample))
                )
                lines += ["  " + line for line in text.splitlines()]
                pictures = 2 if spec.pairs is not None else 1
                tokens = len(text) // CHARACTERS + pictures * PICTURE_TOKENS
                workload["prompt tokens"] += count // len(variants) * tokens
    lines += [f"note: {note}" for note in plan.omitted]
    images = emotions.total() if plan.generator else 0
    lines += costs(plan, workload, images)
    # Prompts and names of data are untrusted.
    return "".join(plain(line) + "\n" for text in lines for line in text.split("\n"))


def _contacts(plan: Plan) -> list[str]:
    """What each participant would contact over a network."""
    lines = []
    for participant in (*([plan.generator] if plan.generator else []), *plan.judges):
        try:
            lines += [f"{participant.name} contacts: {line}" for line in participant.instance.contacts()]
        except Exception as e:  # contacts() is a plugin's code, and nothing depends on it
            lines.append(f"{participant.name}: contacts() raises {type(e).__name__}: {e}")
    return lines
