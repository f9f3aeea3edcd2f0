"""Ask a model imported into Bedrock: the client, request bodies, streams, Converse and errors."""
