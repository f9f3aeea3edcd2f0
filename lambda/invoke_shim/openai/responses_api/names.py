"""Name the fields of a Responses request where the chat that it became has a problem."""

import re

from invoke_shim.errors import MAX_PARAM, ApiError

_FIELDS = {
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "verbosity": "text.verbosity",
}

# Values of the client's stand in quotes. An apostrophe follows a letter.
_QUOTED = r"""(?<!\w)'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
# In prose, "messages" are messages.
_MESSAGES = r"messages(?:(?:\[\d+\]|\.\w+)+|(?= (?:is|has) )|$)"
_TOOL = r"tools\[\d+\]\.function"
_NAME = "|".join((*_FIELDS, "logprobs"))
_PATH = re.compile(rf"(?P<quoted>{_QUOTED})|(?<![\w.])(?P<path>{_MESSAGES}|{_TOOL}|(?:{_NAME})(?!\w))")

# The end of a path within a chat's message, where an item has another one.
_ENDS = {
    ".function.name": ".name",
    ".function.arguments": ".arguments",
    ".id": ".call_id",
    ".image_url.url": ".image_url",
    ".tool_call_id": ".call_id",
}


class Names:
    """The fields of a request by the paths of its chat.

    Args:
        logprobs: The field that asks for log probabilities.
    """

    def __init__(self, *, logprobs: str) -> None:
        self._fields = {**_FIELDS, "logprobs": logprobs, "messages": "input"}
        self._places: dict[str, str] = {}

    def add(self, path: str, place: str) -> None:
        """Record where a part of the chat comes from.

        Args:
            path: The part's JSON path in the chat.
            place: That of the request.
        """
        self._places[path] = place

    def rename(self, error: ApiError) -> ApiError:
        """Return the error of a chat as the error of the request."""
        param = error.param
        return ApiError(
            self._in_text(error.message),
            status=error.status,
            type=error.type,
            param=None if param is None else self._in_text(param)[:MAX_PARAM],
            code=error.code,
            headers=error.headers,
            upstream=error.upstream,
        )

    def _in_text(self, text: str) -> str:
        return _PATH.sub(lambda found: found["quoted"] or self._place(found["path"]), text).replace(
            "inside json_schema", "inside its schema"
        )

    def _place(self, path: str) -> str:
        if path in self._fields:
            return self._fields[path]
        if path.startswith("tools"):
            return path.removesuffix(".function")
        end = ""
        while path and path not in self._places:
            start = max(path.rfind("."), path.rfind("["), 0)
            path, end = path[:start], path[start:] + end
        for chats, ours in _ENDS.items():
            if end.endswith(chats):
                end = end.removesuffix(chats) + ours
        return self._places.get(path, "input") + end
