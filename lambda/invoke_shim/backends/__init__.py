"""Backends: a SageMaker endpoint (TGI, LMI, vLLM) or a model imported into Bedrock."""
