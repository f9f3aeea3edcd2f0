"""Model a generation: its types, its stop strings and the trimming of a chat answer."""
