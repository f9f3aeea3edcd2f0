"""Bedrock Custom Model Import: the artifact check, and the names that jobs and models get.

An island: the standard library and boto3 alone. `check` is the Lambda's handler; the same check runs on a laptop as
`python -m tools.artifacts check`.
"""
