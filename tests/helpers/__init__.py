"""Shared test helpers: data folders, plugins, and running the command."""
