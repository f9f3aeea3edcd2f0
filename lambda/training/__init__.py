"""Functions of the fine-tuning pipeline: *prepare*, *verify*, *prune* and the custom resource.

The package imports the standard library, boto3, itself, and the catalogue that is packed into the functions' asset.
"""
