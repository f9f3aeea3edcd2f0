"""The invoke shim: OpenAI's HTTP API in front of one model, at a SageMaker endpoint or imported into Bedrock.

A request passes `runtime` (Lambda's Runtime API), `handler`, `http` (events, routes, server-sent events), `openai`
(requests and responses) and one of the `backends`. Below them stand `formats` (a chat as a prompt), `rules`
(parameters of each container and body), `generation` (types, stop strings), `settings`, `deadline` and `errors`;
`telemetry` records the request, and `contract` is for whoever deploys the function. No room imports one above it.
"""
