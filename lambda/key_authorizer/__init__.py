"""The key authorizer: lets API Gateway meter OpenAI's clients by the key that they send as a bearer token."""
