from harness import Reporter

SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    c: "\\" + c for c in "&%$#_{}"
}


def escaped(text):
    """A text of a run, which may hold anything, as text in LaTeX on one line."""
    return "".join(SPECIAL.get(c, c) for c in text if c.isprintable())


class TexReporter(Reporter):
    """Rows of a table: task, metric, value with its interval, n."""

    def render(self, results, *, width=100, color=False):
        rows = [f"% {escaped(results.run.model)}"]
        for task in results.tasks:
            for metric in task.metrics:
                if not metric.primary or metric.group:
                    continue
                value = "--" if metric.value is None else f"{metric.value:.3f}"
                if metric.low is not None and metric.high is not None:
                    value += f" [{metric.low:.3f}, {metric.high:.3f}]"
                rows.append(
                    " & ".join([escaped(task.task), escaped(metric.name), value, str(metric.n)]) + r" \\"
                )
        return "\n".join(rows) + "\n"
