"""Read API Gateway proxy events, route them, and write responses and server-sent events."""
