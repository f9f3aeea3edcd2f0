"""Check of a model's task: the API in front of it speaks of texts, and to some containers only."""

from collections.abc import Iterator

from catalog.spec import ImageUri
from catalog.tasks import WITHOUT_TEXT, task_of
from stacks.preflight.catalogue import Subject
from stacks.preflight.findings import Finding, Level

_DEPLOYABLE = "models that generate text, in a container of TGI, LMI or vLLM"


def check_task(subject: Subject) -> Iterator[Finding]:
    """Check that the API can ask an endpoint's model, and warn where it cannot ask all that the model takes."""
    model_id, deployment = subject.version.model_id, subject.deployment
    task, place = task_of(model_id), f"{subject.placement}.model_id"
    if deployment is not None and deployment.container == "other":
        image = f"container, {ImageUri.parse(deployment.image).repository}," if deployment.image else "model package"
        yield Finding(
            rule="no-text-model",
            place=place,
            value=repr(model_id),
            message=f"its task is {WITHOUT_TEXT[task]}, and it generates no text"
            if task in WITHOUT_TEXT
            else f"the API does not speak to its {image} which is of none of the kinds that it knows",
            allowed=_DEPLOYABLE,
            suggestion="./jumpstack catalog search text, where the last column says yes",
        )
    elif task == "vlm":
        yield Finding(
            rule="images-not-passed",
            place=place,
            value=repr(model_id),
            message="it takes images, and the API passes texts only: a request with an image is refused",
            level=Level.WARNING,
        )
