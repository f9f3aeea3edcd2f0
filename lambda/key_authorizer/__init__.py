"""The key authorizer: passes the key that OpenAI's clients send as a bearer token to API Gateway's usage plan."""
