"""Ask a SageMaker endpoint: the client, its runtime and its errors."""
