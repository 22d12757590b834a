"""Writes new plugins from the templates in `templates/`."""
