"""Stand-ins for the containers of models that generate no text: fakes, whose answers are made of a request's digest.

* `embeddings`, `images`, `speech`, `classification`: JumpStart's own scripts in Hugging Face's inference container.
  AWS publishes no schema of them; content types, members and limits are those of its notebooks and of the SageMaker
  SDK's `jumpstart/enums.py`;
* `stability`: the container of Stability AI, by public notebooks of `model-imagegeneration-*`;
* `tei`: Hugging Face's Text Embeddings Inference (`router/src/http`).

A script is found by the task in the id of the model whose weights the container has. Errors are those of Multi Model
Server, in which the scripts run: status 400, with `code`, `type` and `message`.
"""
