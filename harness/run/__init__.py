"""From a request to a scored run folder: plan, generate, judge, score."""
