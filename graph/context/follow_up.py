"""Follow-ups that can be spelled out in one way only, from the question before: no model need do it.

*And in the year before?* after *in 2025* is *in 2024*; *Who are they?* after *How many employees …?* is
*Which employees …?*; *How many of them are urgent?* adds a condition; *Just the top three* cuts the list.
Where the question before does not have the one thing that this rests on, nothing is said. In English only.
"""

import re
from collections.abc import Callable

_NUMBERS = "one two three four five six seven eight nine ten".split()  # noqa: SIM905 - a list of words
_NUMBER = rf"(?:\d{{1,3}}|{'|'.join(_NUMBERS)}|fifteen|twenty|fifty)"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth")
_GROUPED = re.compile(r"\b(?:each|every|per|by|respectively)\b", re.IGNORECASE)
_END = r"\s*(?:,?\s*please)?\s*[?.!]*\s*$"


def spelled_out(question: str, before: str) -> str | None:
    """The question standing alone; None where the one before does not settle it.

    Args:
        question: the follow-up, as asked.
        before: the question right before it, which must stand alone itself.
    """
    before = before.strip()
    ways: tuple[Callable[[str, str], str | None], ...] = (_other_period, _named, _some_of_them, _first_few)
    return next((said for way in ways if (said := way(question, before)) is not None), None)


_OTHER_PERIOD = re.compile(
    r"^\W*(?:and\s+|but\s+)?(?:what\s+about\s+|how\s+about\s+|what\s+was\s+it\s+|the\s+same\s+)?(?:in|for|of|during)?\s*"
    r"(?:the\s+|an?\s+|one\s+)?(?:"
    r"(?P<unit>year|quarter|month)\s+(?:(?P<back>before|earlier|prior)|(?P<on>after|later))(?:\s+that)?"
    r"|(?:(?P<back2>previous|preceding|prior)|(?P<on2>following|subsequent))\s+(?P<unit2>year|quarter|month))"
    + _END,
    re.IGNORECASE,
)
_IN = r"(?P<in>\b(?:in|during|for|of|throughout|year)\s+(?:the\s+)?)"
_YEAR = r"(?P<year>(?:19|20)\d\d)\b"
_ONE_YEAR = re.compile(_IN + _YEAR, re.IGNORECASE)
_ONE_MONTH = re.compile(_IN + rf"(?P<month>{'|'.join(_MONTHS)})(?P<of>\s+(?:of\s+)?){_YEAR}", re.IGNORECASE)
_ONE_QUARTER = re.compile(
    _IN + rf"(?:(?P<q>Q)(?P<n>[1-4])|(?P<nth>{'|'.join(_ORDINALS)})\s+quarter)(?P<of>\s+(?:of\s+)?){_YEAR}",
    re.IGNORECASE,
)
_YEARS = re.compile(r"\b(?:19|20)\d\d\b")
_DATED = re.compile(
    rf"\b(?:{'|'.join(_MONTHS)}|q[1-4]|quarter|half|week|since|until|till|before|after|from|between|to\s+\d)\b",
    re.IGNORECASE,
)


def _other_period(question: str, before: str) -> str | None:
    found = _OTHER_PERIOD.match(question)
    if found is None or len(_YEARS.findall(before)) != 1:
        return None
    step = -1 if found["back"] or found["back2"] else 1
    unit = (found["unit"] or found["unit2"]).lower()
    one = {"year": _ONE_YEAR, "month": _ONE_MONTH, "quarter": _ONE_QUARTER}[unit].search(before)
    if one is None:
        return None
    if _DATED.search(before[: one.start()] + " " + before[one.end() :]):
        return None
    year = int(one["year"])
    if unit == "year":
        said = str(year + step)
    elif unit == "month":
        place = [month.lower() for month in _MONTHS].index(one["month"].lower()) + step
        said = f"{_MONTHS[place % 12]}{one['of']}{year + place // 12}"
    else:
        place = (int(one["n"]) - 1 if one["n"] else _ORDINALS.index(one["nth"].lower())) + step
        shown = f"{one['q']}{place % 4 + 1}" if one["q"] else f"{_ORDINALS[place % 4]} quarter"
        said = f"{shown}{one['of']}{year + place // 4}"
    return before[: one.start()] + one["in"] + said + before[one.end() :]


_HOW_MANY = re.compile(r"^\W*(?:and\s+)?how\s+many\s+(?=\w)", re.IGNORECASE)
_MEASURE = re.compile(
    r"^(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|times|units?|pieces|percent|per\s+cent|points?|more|"
    r"fewer|less|euros?|dollars?|working\s+days)\b",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"^\W*(?:and\s+|so\s+|ok(?:ay)?,?\s+)?(?:who\s+are\s+(?:they|these|those)|which\s+(?:ones?|are\s+(?:they|these|those))"
    r"(?:\s+are\s+(?:they|these|those))?|what\s+are\s+(?:their\s+names|they\s+called)|"
    r"(?:please\s+)?(?:list|name|show)\s+(?:me\s+)?(?:them|their\s+names|those|these))(?:\s+all)?(?:\s+by\s+name)?"
    + _END,
    re.IGNORECASE,
)


def _named(question: str, before: str) -> str | None:
    counted = _HOW_MANY.match(before)
    if counted is None or not _WHO.match(question) or _GROUPED.search(before):
        return None
    rest = before[counted.end() :]
    return None if _MEASURE.match(rest) else f"Which {rest}"


_SOME = re.compile(
    r"^\W*(?:and\s+)?(?P<how>how\s+many|which)\s+of\s+(?:them|these|those)\s+(?P<rest>\w[^?]*?)" + _END,
    re.IGNORECASE,
)
_ASKED = re.compile(r"^\W*(?:how\s+many|which|what)\s+(?=\w)", re.IGNORECASE)
_TURNED = re.compile(
    r"\b(?:do|does|did|most|least|highest|lowest|largest|smallest|top|(?:are|is|was|were)\s+there)\b",
    re.IGNORECASE,
)
"""Where a further condition cannot simply be added with *and*."""


def _some_of_them(question: str, before: str) -> str | None:
    some, asked = _SOME.match(question), _ASKED.match(before)
    if some is None or asked is None or _GROUPED.search(before) or _TURNED.search(before):
        return None
    things = before[asked.end() :].rstrip("?.! ")
    if _MEASURE.match(things) or re.match(r"(?:is|are|was|were)\b", things) or "?" in things:
        return None
    how = some["how"][0].upper() + some["how"][1:].lower()
    return f"{how} {things} and {some['rest'].strip()}?"


_FEW = re.compile(
    rf"^\W*(?:(?:just|only|please)\s+)*(?:show\s+|list\s+|give\s+)?(?:me\s+)?(?:(?:just|only)\s+)?(?:the\s+)?"
    rf"(?:top|first|best)\s+(?P<n>{_NUMBER})(?:\s+(?:ones|of\s+(?:them|these|those)))?(?:\s+only)?" + _END,
    re.IGNORECASE,
)
_CUT = re.compile(rf"\b(?P<top>top|first|best)\s+{_NUMBER}\b", re.IGNORECASE)
_WHICH = re.compile(
    r"^\W*which\s+(?=(?:\w+\s+){0,2}?(?:\w+s|people)\s+(?:have|had|are|were|do|did|sell|sold|bring|get)\b)",
    re.I,
)
_SORTED = re.compile(
    r"\b(?:most|least|fewest|highest|lowest|largest|smallest|biggest|longest|shortest|best|worst|oldest|newest|"
    r"cheapest|sorted|ordered\s+by|rank\w*)\b",
    re.IGNORECASE,
)


def _first_few(question: str, before: str) -> str | None:
    few = _FEW.match(question)
    if few is None:
        return None
    if len(cut := _CUT.findall(before)) == 1:
        return _CUT.sub(f"{cut[0]} {few['n']}", before)
    if cut or not _SORTED.search(before) or re.search(rf"\b{_NUMBER}\b", before, re.IGNORECASE):
        return None
    which = _WHICH.match(before)
    if which is None:
        return f"{before.rstrip('?.! ')}, just the top {few['n']}?"
    return f"Which {few['n']} {before[which.end() :]}"
