"""A sorted list that the question wants cut: "the top 5 users", "which shop has the highest turnover".

Only where the query sorts by something and shows all. The first of each of several groups are another matter
(``first_of_each``).
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.superlative import asked_one

_SPELLED = "one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: number for number, word in enumerate(_SPELLED.split(), 1)} | {"fifteen": 15, "twenty": 20}
_N = rf"(?P<n>\d{{1,3}}|{'|'.join(_NUMBERS)})"
_FIRST = (
    r"(?:most|least|highest|lowest|largest|smallest|biggest|longest|shortest|oldest|youngest|newest|latest|"
    r"earliest|cheapest|best|worst|fewest|greatest|busiest|fastest|slowest|heaviest)"
)
_TOP = re.compile(
    rf"\b(?:top|bottom|first|last)\s+{_N}\b(?!\s+(?:day|week|month|year|hour|quarter))", re.IGNORECASE
)
_N_MOST = re.compile(rf"\b{_N}\s+(?:\w+\s+)?{_FIRST}\b", re.IGNORECASE)
_N_WITH = re.compile(rf"\b(?:which|what|the|list|show|name)\s+{_N}\s+\w+\b[^.?]*\b{_FIRST}\b", re.IGNORECASE)
_ONE = re.compile(
    rf"^\W*(?:which|what)\s+(?:single\s+|one\s+)?\w*(?<!s)\s+(?:has|had|is|was|does|did|made|sold|got|received|"
    rf"shows?|takes?|pays?|paid|spent|brought|earned|generated)\b[^,;?]*\b{_FIRST}\b",
    re.IGNORECASE,
)
_WHO = re.compile(r"\W*who\b", re.IGNORECASE)
_EACH = re.compile(r"\b(?:each|every|per)\b", re.IGNORECASE)
_LIST = re.compile(
    r"\b(?:and|each|sort(?:ed|ing)?|rank(?:ed|ing)?|(?:order|list)(?:ed)?(?=\s+(?:them|the|all|by|in|it|from|of)\b))\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    select, question = context.tree, context.question
    if not isinstance(select, exp.Select) or not select.args.get("order") or _EACH.search(question):
        return None
    if any(select.args.get(part) for part in ("limit", "offset", "fetch")) or select.find(exp.Window):
        return None
    number = asked_number(question)
    if number is None and not _LIST.search(question):
        one = asked_one(question)
        number = (
            1 if _ONE.search(question) or (one is not None and (one.thing or _WHO.match(question))) else None
        )
    if not number:
        return None
    select.set("limit", exp.Limit(expression=exp.Literal.number(number)))
    return f"Asked for {'the first' if number == 1 else f'the first {number}'}: the sorted list is cut."


def asked_number(question: str) -> int | None:
    """How many of the first, the top or the most are asked for, where a number says it."""
    found = _TOP.search(question) or _N_MOST.search(question) or _N_WITH.search(question)
    return (_NUMBERS.get(found["n"].lower()) or int(found["n"])) if found is not None else None


RULE = Rule("asked_limit", _fix)
