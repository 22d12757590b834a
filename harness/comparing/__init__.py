"""Compares runs: which samples they share, what differs between them, and paired differences of their metrics."""
