"""From a request to a scored run folder: plan, draw, judge, score."""
