"""Image files from untrusted sources: bounded, checked and decoded."""
