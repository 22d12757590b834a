"""What a run holds, question by question, for other tools: typed rows, files, and formats of the field."""
