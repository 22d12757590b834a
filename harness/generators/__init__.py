"""Generators that ship with the core."""
