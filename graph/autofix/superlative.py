"""What a question asks for by a superlative: the one thing with the most, or with the least, of something.

For rules that sort, cut and group what a draft leaves whole.
"""

import re
from dataclasses import dataclass

_MOST = "most|highest|largest|biggest|greatest|longest|heaviest|busiest|priciest|best|top"
_LEAST = "least|lowest|fewest|smallest|shortest|lightest|cheapest|worst"
_END = rf"(?:(?P<most>{_MOST})|(?P<least>{_LEAST}))\b"
_THING = r"(?:\s+(?!(?:is|are|was|were|has|have|had|do|does|did)\b)[\w-]+)"
_ASKED = re.compile(
    rf"^\W*(?:(?:and|so|for|in)\b[^,]*,\s*)?(?:which|what|who)(?P<thing>{_THING}{{0,3}}?)\s+"
    r"(?:has|had|is|was|do|does|did|made|makes|sold|sells|got|gets|received|receives|pays|paid|spent|spends|brought|"
    r"brings|earned|earns|generated|generates|takes|took|shows?|charges|costs?|gave|gives|attracts?|holds?|won|wins|"
    r"lost|loses|ran|runs|wrote|saw|sees|led|drew|used|uses|lasts|\w{2,}ed)\b"
    rf"[^.;?]*?\b{_END}",
    re.IGNORECASE,
)
_WITHIN = re.compile(
    rf"^\W*(?:in|on|at|from|for|to|by|with|during)\s+(?:which|what)(?P<thing>{_THING}{{1,4}}?)\s+"
    rf"(?:has|have|had|is|are|was|were|do|does|did|\w{{2,}}ed)\b[^.;?]*?\b{_END}",
    re.IGNORECASE,
)
_TOLD = re.compile(
    rf"^\W*(?:please\s+)?(?:give|show|name|find|tell|return|identify|get)(?:\s+(?:me|us))?\s+the\s+(?:single\s+)?"
    rf"(?P<thing>[\w-]+(?:\s+[\w-]+)?)\s+(?:with|that\s+has|who\s+has|having)\s+the\s+(?:\w+\s+)?{_END}",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:each|every|per|rank|ranking|(?:sort|order|list)(?:ed)?(?=\s+(?:them|the|all|by|in|it|from)\b)|all|"
    r"at\s+(?:most|least)\s+one)\b",
    re.IGNORECASE,
)
_PLURAL = re.compile(r"(?<!s)(?<!u)(?<!i)(?<!specie)(?<!serie)s$", re.IGNORECASE)
_NTH = re.compile(
    r"\b(?:second|third|fourth|fifth|2nd|3rd|4th|5th)[\s-]+(?:most|least|\w+est)\b", re.IGNORECASE
)
_AT = re.compile(r"\bat\s+(?:least|most|best|worst)\b|\bmost\s+recent(?:ly)?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AskedOne:
    """The one thing that a question asks for by a superlative."""

    thing: str
    """What it is called; ``""`` for *who*, or a bare *which*."""
    down: bool
    """Whether it is the one with the most."""


def asked_one(question: str) -> AskedOne | None:
    """The one that is asked for; None where several are, or a place after the first."""
    told = _AT.sub(" ", question)
    asked = _ASKED.search(told) or _WITHIN.search(told) or _TOLD.search(told)
    if asked is None or _SEVERAL.search(question) or _NTH.search(question):
        return None
    thing = re.split(r"\s+of\b", asked["thing"].strip())[0].split()
    if (thing and _PLURAL.search(thing[-1])) or asked_end(question) is None:
        return None
    return AskedOne(" ".join(thing), down=bool(asked["most"]))


def asked_end(question: str) -> bool | None:
    """Whether the most is asked for, and not the least; None where neither is, or both are."""
    told = _AT.sub(" ", question)
    most = re.search(rf"\b(?:{_MOST})\b", told, re.IGNORECASE)
    least = re.search(rf"\b(?:{_LEAST})\b", told, re.IGNORECASE)
    return None if bool(most) == bool(least) else bool(most)
