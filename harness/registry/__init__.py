"""Discovers plugins, looks up components by name and creates them."""
