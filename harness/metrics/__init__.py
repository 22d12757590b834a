"""Metrics of answers, and how a task's metrics are computed with intervals and baselines."""
