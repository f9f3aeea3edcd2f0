"""Containers of models that generate no text: the requests that each takes, and how it answers; one module a task."""
