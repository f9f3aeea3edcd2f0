"""The invoke shim: OpenAI's HTTP API in front of one SageMaker endpoint.

Three layers, each of which knows only the one below it: the HTTP side (`handler`, `routes`, `proxy`),
the prompt formats (`formats`), and the backends (`backends`), which talk to the model.
"""
