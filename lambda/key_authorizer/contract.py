"""The contract between the key authorizer and its deployment. Standard library only, as constructs import it."""

PACKAGE = "key_authorizer"
"""The package's folder in the function's asset."""

HANDLER = "key_authorizer.handler.handle"
"""The function's handler."""
