"""The prompts: one Markdown file a step, and the only way to fill one in.

A file has two parts, divided by a line ``---``: what the model is (system) and what it is given (user).
``{{name}}`` is a place for a value. Whatever people, databases or models wrote comes in through ``frame``,
which marks it as data and keeps it from closing its own mark.
"""

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from wire.errors import CustardError

_PLACE = re.compile(r"\{\{([a-z_]+)\}\}")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # control, direction
    r"\u00ad\u034f\u061c\u115f\u1160\u180e\u3164\uffa0"  # drawn as nothing
    r"\ufe00-\ufe0f\U000e0000-\U000e01ef]"  # tags and variation selectors: a whole text in what nobody sees
)
FRAMES = ("schema", "notes", "earlier", "question", "query", "problem", "tried", "result")
"""The marks that enclose data in prompts."""
_MARK = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(FRAMES)})\b)", re.IGNORECASE)


class PromptError(CustardError):
    """A prompt was filled with the wrong values, or there is no such prompt. A mistake of ours."""

    code = "bad_prompt"


class Prompt(NamedTuple):
    """A prompt ready to be sent."""

    system: str
    user: str


def render(name: str, **values: str) -> Prompt:
    """Fill ``prompts/<name>.md``.

    Raises:
        PromptError: there is no such prompt, a place got no value, or a value has no place.
    """
    system, user = _parts(name)
    places = set(_PLACE.findall(system)) | set(_PLACE.findall(user))
    if missing := places - values.keys():
        raise PromptError(f"The prompt {name} needs a value for {', '.join(sorted(missing))}.")
    if unused := values.keys() - places:
        raise PromptError(f"The prompt {name} has no place for {', '.join(sorted(unused))}.")

    def fill(part: str) -> str:
        # One pass: a value that itself looks like a place stays as it is.
        filled = _PLACE.sub(lambda place: values[place[1]], part)
        return re.sub(r"\n{3,}", "\n\n", filled).strip()

    return Prompt(fill(system), fill(user))


def frame(mark: str, text: str) -> str:
    """``text`` as data between ``<mark>`` and ``</mark>``; empty text gives nothing at all.

    A mark of ours inside the text loses its bracket, so nothing in it can end the frame or open another.
    Control and direction characters and those that are drawn as nothing, which hide text from people but not
    from models, are dropped.
    """
    if mark not in FRAMES:
        raise PromptError(f"There is no frame {mark}.")
    if not text.strip():
        return ""
    return f"<{mark}>\n{_MARK.sub('‹', _CONTROL.sub('', text)).strip()}\n</{mark}>"


@cache
def digest() -> str:
    """SHA-256 (first 16 hex digits) over every prompt file: equal digests mean equal prompts."""
    sha = hashlib.sha256()
    for name in names():
        sha.update(name.encode() + b"\0" + _text(name).encode() + b"\0")
    return sha.hexdigest()[:16]


def names() -> list[str]:
    """The prompts that there are, sorted."""
    found = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".md") for name in found if name.endswith(".md"))


@cache
def _text(name: str) -> str:
    if name not in names():
        raise PromptError(f"There is no prompt {name}; there are {', '.join(names())}.")
    return (files(__name__) / f"{name}.md").read_text(encoding="utf-8")


@cache
def _parts(name: str) -> tuple[str, str]:
    system, divider, user = _text(name).partition("\n---\n")
    if not divider:
        raise PromptError(f"prompts/{name}.md lacks the line --- between its two parts.")
    return system, user
