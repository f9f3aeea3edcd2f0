"""A stand-in for Bedrock's Custom Model Import: import jobs, imported models, and models that answer.

It is a fake: no imported model is loaded, and answers are those of `localaws.containers.engine`. What it does keep is
what AWS documents: the patterns, quotas, states and errors of the API, the files a model must consist of, which are
really read with the job's role, and the forms of requests and answers. moto has none of it.

* `control_plane`, `imports`, `documents`: the `bedrock` API.
* `roles`, `artifacts`, `architectures`: what an import job finds out.
* `data_plane`: the `bedrock-runtime` API; `bodies`, `chats`, `converse`, `conversation`, `images`: what it is asked;
  `answers`, `tools`, `replies`: what the models answer.
* `quotas`: their quotas in Service Quotas.
* `store`: jobs, models and what was called; `behaviour`: times and faults, to be changed while it runs.

`/_localaws/bedrock/{region}/calls` returns how often each operation was called on each model, by its answers; AWS has
CloudWatch's metrics and CloudTrail for it::

    {"dev-llama-2f6c…": {"converse": {"ok": 3, "ModelNotReadyException": 1}}}

As in AWS, there is no event when a job ends, and no way to stop or delete one.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Request, Response

from localaws import steering
from localaws.bedrock import behaviour, control_plane, data_plane, quotas, store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["ROUTES", "handle", "install"]

_CREDENTIAL: Final = re.compile(r"Credential=[^/]+/\d+/([^/]+)/bedrock/aws4_request")


def _calls(_request: Request, region: str) -> dict[str, dict[str, dict[str, int]]]:
    here = store.of(region)
    document: dict[str, dict[str, dict[str, int]]] = {}
    with here.lock:
        for (model, operation, outcome), times in here.calls.items():
            document.setdefault(model, {}).setdefault(operation, {})[outcome] = times
    return document


ROUTES: Final = (
    behaviour.ROUTE,
    steering.Route("/_localaws/bedrock/(?P<region>[a-z0-9-]+)/calls", {"GET": _calls}),
)


def install() -> None:
    """Add the quotas of imports to Service Quotas."""
    quotas.install()


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer a call of Bedrock's that is about imports or imported models; None if the request is another."""
    path = environ.get("PATH_INFO", "")
    credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if credential is None:
        return None
    response = _answer(environ, path, region=credential.group(1))
    if response is None:
        return None
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response(environ, start_response)


def _answer(environ: WSGIEnvironment, path: str, *, region: str) -> Response | None:
    request = Request(environ)
    invocation = data_plane.PATH.fullmatch(path)
    if invocation is not None:
        return data_plane.answer(request, invocation["model"], invocation["operation"], region=region)
    if path.startswith(("/model-import-jobs", "/imported-models")) or path.lower().endswith(
        ("tagresource", "forresource")
    ):
        body = request.get_data(cache=True)
        # Whoever answers in our place reads the body again.
        environ["wsgi.input"] = io.BytesIO(body)
        routed = control_plane.route(request.method, path, body)
        if routed is not None:
            return control_plane.answer(routed[0], request, routed[1], region=region)
    return None
