"""Two columns compared the wrong way round: "later than expected" as ``expected_on > arrived_on``.

Which side is the greater follows from the question, where it names one of the two columns after its
comparison, or speaks of what is late and one of them says what was due.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, Kind, kind_of
from graph.context.words import listed, name_words, stem

_MORE = (
    r"(?:later|greater|more|higher|larger|bigger|longer|heavier)\s+than|after|above|over|beyond|past|"
    r"exceed(?:s|ed|ing)?|in\s+excess\s+of"
)
_LESS = r"(?:earlier|sooner|less|fewer|lower|smaller|shorter|lighter)\s+than|before|below|under|ahead\s+of"
_SAID = re.compile(
    rf"\b(?:(?P<more>{_MORE})|(?P<less>{_LESS}))\s+(?:(?:the|their|its|his|her|our|they|it|we|was|were|had|been|"
    r"has|have|is|are|originally|what)\s+){0,3}(?P<what>[a-z]+)",
    re.IGNORECASE,
)
_LATE = re.compile(r"\b(?:late|overdue|delayed|behind\s+(?:schedule|time))\b", re.IGNORECASE)
_EARLY = re.compile(r"\b(?:early|ahead\s+of\s+(?:schedule|time))\b", re.IGNORECASE)
_PUNCTUAL = re.compile(r"\b(?:(?:on|in)\s+time|punctual\w*)\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:not|never|no|without)\b|n['’]t\b", re.IGNORECASE)
_DUE = frozenset(map(stem, listed("""
    expected planned scheduled estimated promised due target deadline agreed forecast eta budget budgeted
""")))  # fmt: skip
_TURNED: dict[type[exp.Expr], type[exp.Binary]] = {
    exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE
}  # fmt: skip
_SIZES: frozenset[Kind] = frozenset({"integer", "number"})


def _fix(context: Context) -> str | None:
    question, names = context.question, context.names
    if not question or _DENIED.search(question):
        return None
    found: list[tuple[exp.Binary, exp.Column, exp.Column]] = []
    for scope in names.scopes:
        for test in scope.find_all(*_TURNED):
            one, other = test.this, test.expression
            if not isinstance(one, exp.Column) or not isinstance(other, exp.Column):
                continue
            kinds = {kind_of(one, names, scope), kind_of(other, names, scope)}
            if kinds <= MOMENTS or kinds <= _SIZES:
                found.append((test, one, other))  # type: ignore[arg-type]  # a comparison is a Binary
    if len(found) != 1:
        return None
    test, one, other = found[0]
    if test.find_ancestor(exp.Not) or _counts_the_rest(test):
        return None
    asked = _asked(question, _stems(one), _stems(other))
    if asked is None:
        return None
    greater, strict = asked
    left_is_greater = isinstance(test, exp.GT | exp.GTE)
    if left_is_greater == (greater == 0) and (strict or isinstance(test, exp.GTE | exp.LTE)):
        return None
    kind: type[exp.Binary] = (
        (exp.GT if strict else exp.GTE) if greater == 0 else (exp.LT if strict else exp.LTE)
    )
    if strict and isinstance(test, exp.GTE | exp.LTE):
        kind = exp.LTE if isinstance(test, exp.GTE) else exp.GTE
    said = test.sql(dialect="postgres")
    test.replace(kind(this=one.copy(), expression=other.copy()))
    return f"{said} is the other way round from what is asked for."


def _asked(question: str, one: set[str], other: set[str]) -> tuple[int, bool] | None:
    """Which of the two is to be the greater, 0 or 1, and whether they may not be equal; None if not said."""
    found: set[tuple[int, bool]] = set()
    for match in _SAID.finditer(question):
        named = _named(stem(match["what"].lower()), one, other)
        if named is not None:
            # More than what is named: the other one is the greater.
            found.add((1 - named if match["more"] else named, True))
    due = [place for place, said in enumerate((one, other)) if said & _DUE]
    if not found and len(due) == 1:
        found |= {(1 - due[0], True)} if _LATE.search(question) else set()
        found |= {(due[0], True)} if _EARLY.search(question) else set()
        found |= {(due[0], False)} if _PUNCTUAL.search(question) else set()
    return found.pop() if len(found) == 1 else None


def _named(word: str, one: set[str], other: set[str]) -> int | None:
    """Which of two columns a word names; what is due goes by many names."""
    for words in ({word}, _DUE if word in _DUE else set()):
        named = [place for place, said in enumerate((one, other)) if said & words]
        if len(named) == 1:
            return named[0]
    return None


def _stems(column: exp.Column) -> set[str]:
    return {stem(word) for word in name_words(column.name)}


def _counts_the_rest(test: exp.Expr) -> bool:
    """Whether what is compared is told apart to be left out: ``CASE WHEN a > b THEN 0``, ``1 - …``."""
    case = test.find_ancestor(exp.If)
    if case is not None and case.args["true"].name == "0":
        return True
    rest = test.find_ancestor(exp.Sub)
    return rest is not None and isinstance(rest.this, exp.Literal)


RULE = Rule("turned_comparison", _fix)
