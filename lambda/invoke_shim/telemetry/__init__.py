"""Record each request: one log line and its metrics."""
