"""Telemetry: one log line for each request, with its metrics."""
