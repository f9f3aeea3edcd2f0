"""Speak the OpenAI API: read requests, check parameters, write answers, chunks and log probabilities."""
