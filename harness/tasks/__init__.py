"""Task files: what they declare, where they are found, how questions are rendered and answers are parsed."""
