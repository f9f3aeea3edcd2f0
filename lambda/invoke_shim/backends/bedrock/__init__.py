"""A model imported into Bedrock as the backend: request bodies, Converse, streams and errors."""
