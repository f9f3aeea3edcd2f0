"""Backends: where a prompt is answered. So far a SageMaker endpoint with a TGI or LMI container."""
