"""The nearest right values to a wrong one."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable

_SUGGESTIONS = 4
# Words of many families.
_VARIANTS = frozenset({"huggingface", "base", "instruct", "chat", "large", "small", "cased", "uncased", "multilingual"})
# Similarity of ids of some 30 characters that differ in two.
_TYPING_ERROR = 0.9


def similar(text: str, known: Iterable[str], *, most: int = _SUGGESTIONS) -> tuple[str, ...]:
    """Find the texts that somebody may have meant.

    Args:
        text: The wrong text.
        known: The right ones.
        most: Number of texts to return, at most.

    Returns:
        The best first: those that hold the text, because people leave out the front of a model id ("falcon-7b"),
        which is further from it than any typing error; then those that are one or two typing errors away.
    """
    known = sorted(known)
    found = [one for one in known if text and text in one]
    found += [one for one in difflib.get_close_matches(text, known, n=most) if one not in found]
    return tuple(found[:most])


def parts(text: str) -> list[str]:
    """Return the parts of a name in lower case: `qwen2-5-7b` has qwen, 2, 5 and 7b."""
    return re.findall(r"[a-z]+|[0-9][a-z0-9]*", text.lower())


def similar_models(model_id: str, known: Iterable[str], *, most: int = _SUGGESTIONS) -> tuple[str, ...]:
    """Find the model ids that somebody may have meant.

    Args:
        model_id: The wrong id.
        known: The right ones.
        most: Number of ids to return, at most.

    Returns:
        The best first: those that hold the text, then those of the same family, then those that differ by a typing
        error or two. A publisher and a task, as in `openai-reasoning-gpt-oss-20b`, are no family.
    """
    known = sorted(known)
    model_id = model_id.lower()
    found = [one for one in known if model_id and model_id in one.lower()]
    words = {one: set(parts(one)) for one in known}
    counts = Counter(word for each in words.values() for word in each)
    _, _, rest = model_id.partition("-")
    tasks = {task for one in known for task in one.split("-")[1:2]} | {"reasoning"}
    wanted = set(parts(rest if rest.partition("-")[0] in tasks else model_id))
    families = {word for word in wanted if len(word) > 2 and word.isalpha() and word in counts} - tasks - _VARIANTS
    related = [one for one in known if families & words[one]]
    related.sort(
        key=lambda one: (
            -sum(1 / counts[word] for word in families & words[one]),
            -len(wanted & words[one]),
            -difflib.SequenceMatcher(None, model_id, one).ratio(),
        )
    )
    related += difflib.get_close_matches(model_id, known, n=most, cutoff=_TYPING_ERROR)
    return tuple(dict.fromkeys([*found, *related]))[:most]


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return the question that an error ends with, such as `did you mean epoch?`; empty where nothing is similar."""
    near = similar(text, known)
    return f"did you mean {', '.join(near)}?" if near else ""


def nearest_number(number: int, known: Iterable[int]) -> int:
    """Find the number that is closest to another, the larger of two that are equally close."""
    return min(known, key=lambda one: (abs(one - number), -one))
