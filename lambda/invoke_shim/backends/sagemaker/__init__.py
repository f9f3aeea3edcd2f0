"""Ask a SageMaker endpoint: the client, its errors and the dialects of its containers."""
