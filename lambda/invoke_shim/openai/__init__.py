"""OpenAI's API: requests and their parameters, responses, chunks and log probabilities."""
