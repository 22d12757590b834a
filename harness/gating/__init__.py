"""The gate: whether a new release is worse than a baseline, with verdicts that say when it cannot tell."""
