"""Comparison of what is declared with what is deployed, and removal of stacks that are no longer declared."""
