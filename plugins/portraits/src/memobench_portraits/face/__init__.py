"""The parts of a face, each drawn by one function onto a `svg.Drawing`."""
