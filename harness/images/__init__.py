"""Reads image files from untrusted sources, with size limits and checks."""
