"""Turns a run folder into results, without a model and without images."""
