"""Fine-tuning: what the pipeline's functions do before, between and after its steps.

An island: the standard library, boto3, itself, and the catalogue that is packed into the functions' asset.
"""
