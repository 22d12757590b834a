"""Results for people and machines: tables, JSON, CSV, Markdown, contact sheets."""
