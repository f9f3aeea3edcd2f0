"""Limits of AWS APIs as pure rules, for constructs and preflight alike."""
