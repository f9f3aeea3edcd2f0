"""A SageMaker endpoint as the backend: the client of its runtime, and errors."""
