"""Checks an installed plugin against every rule that the core relies on, in processes of their own."""
