"""A stand-in for the model containers of SageMaker endpoints: a fake, and the only one in the request path.

No model runs. The stand-in is a real HTTP server with the two routes that SageMaker asks of a container
(`/ping` and `/invocations`), and it behaves at that surface as the documents of three serving stacks say:
Hugging Face's Text Generation Inference (`tgi`), DJL Serving's Large Model Inference (`lmi`) and AWS's vLLM container
(`vllm`). Request schema, parameter checks, answers, streams, error bodies, status codes and token counts are theirs;
the text is made from the prompt by a hash and is the same each time.

* `settings`: what the image and the environment of a container say; refuses those that could not start.
* `pace`: knobs of the fake's own: the time that tokens take, the length of answers.
* `faults`: what a prompt may ask to go wrong.
* `tokens`: a small tokenizer, so that counts are counts of something.
* `engine`: what answers below the dialects, where a real model can take its place.
* `chats`: messages, tools and pictures, and the prompt that the stand-in's own chat template makes of them.
* `decisions`: which tools the stand-in calls, and how a prompt steers it.
* `models`: what a model's name says of its chat template and of pictures.
* `generation`, `detokenizer`: the answer to a prompt, token by token, as TGI and as vLLM generate.
* `schemas`, `patterns`: the answer to a prompt that prescribes a JSON schema or a regular expression.
* `tgi`, `lmi`, `vllm`: the request and response formats.
* `tasks`: the containers of models that generate no text: embeddings, images, speech, classes.
* `server`: the HTTP server, started and stopped with an endpoint.
"""

from __future__ import annotations

from localaws.containers.pace import Pace
from localaws.containers.server import ModelContainer
from localaws.containers.settings import ContainerSettings, ContainerStartError

__all__ = ["ContainerSettings", "ContainerStartError", "ModelContainer", "Pace"]
