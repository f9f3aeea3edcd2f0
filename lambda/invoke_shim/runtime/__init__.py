"""Run the Lambda Runtime API: the loop that takes invocations and streams answers (ADR 5)."""
