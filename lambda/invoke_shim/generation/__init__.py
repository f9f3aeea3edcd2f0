"""A generation: its types, the cut at stop strings, and the trimming of a chat's answer."""
