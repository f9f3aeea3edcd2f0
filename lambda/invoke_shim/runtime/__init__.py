"""The function's runtime: takes invocations from Lambda's Runtime API and streams answers (ADR 5)."""
