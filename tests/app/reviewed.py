"""Stacks that stand for all: one of each kind in each environment."""

# Every property of one stack.
WHOLE = "dev/mistral-7b-instruct"

# One of each kind: weights below a prefix and in another region, weights in a tarball, a pipeline for an endpoint, a
# pipeline for an import, an import, accounts.
DIGESTS = (
    "prod/arctic-instruct",
    "prod/falcon-180b-chat-quantized",
    "prod/mistral-7b-dolly",
    "prod/llama-3-2-3b-10k",
    "staging/granite-3b-code-instruct",
    "account/us-west-2",
)

# A model's stack in one environment, by what differs from its stack in another.
DIFFERENCES = {
    "staging/mistral-7b-instruct": "dev/mistral-7b-instruct",
    "dev/mistral-7b-dolly": "prod/mistral-7b-dolly",
    "dev/llama-3-2-3b-10k": "prod/llama-3-2-3b-10k",
}

REVIEWED = (WHOLE, *DIGESTS, *DIFFERENCES)
