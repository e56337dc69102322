"""A share that is always 100 %, since what it counts by is a condition on all rows as well.

``SUM(CASE WHEN device = 'mobile' …) / COUNT(*) … WHERE device = 'mobile'`` loses the condition on all. Where
WHERE has another one as well, the question says which of the two is the part: "share of A among B",
"percentage of B that are A". Where it counts by B, it is made to count by A.
"""

import re
from itertools import product

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded
from graph.autofix.ratio_parts import bare, is_whole
from graph.context.joins import type_family
from graph.context.words import STOP_WORDS, fold, name_words, stem, stems, words

_SHARE = r"(?:share|percentage|percent|per\s+cent|proportion|fraction|portion|%)"
_ASKED = re.compile(
    rf"\b(?:{_SHARE}|rate)(?!\w)|\bratio\b.+\bto\s+(?:the\s+)?(?:total|overall|whole|all)\b", re.IGNORECASE
)
_AMONG = re.compile(
    rf"\b{_SHARE}\s+(?:of\s+)?(?P<part>.+?)\s+(?:among|amongst|out\s+of|of\s+all|within|relative\s+to|in\s+all)\s+"
    r"(?P<whole>.+)",
    re.IGNORECASE,
)
_THAT_ARE = re.compile(
    rf"\b{_SHARE}\s+of\s+(?P<whole>.+?)\s+(?:(?:that|who|which)\s+)?"
    r"(?:is|are|was|were|be|been|has|have|had|do|does|did|came|comes?|got|gets?|went|goes|go|belongs?|ended|ends?|"
    r"works?|worked|lives?|lived|use[sd]?)\s+(?P<part>.+)",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    if not _ASKED.search(context.question):
        return None
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select) or (where := select.args.get("where")) is None:
            continue
        sources = names.sources(scope)
        parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        for condition in _counted_by(select):
            said = _said(condition, sources)
            if all(_said(part, sources) != said for part in parts):
                continue
            others = [part for part in parts if _said(part, sources) != said]
            wanted = _part(context.question, condition, others, names, sources)
            if wanted is None:
                continue
            shown = wanted.sql(dialect="postgres")
            if wanted is condition:
                _keep(select, others)
                return f"{shown} is the part asked for: it does not cut the whole."
            kept = [part for part in parts if part is not wanted]
            condition.replace(wanted.copy())
            _keep(select, kept)
            return f"{shown} is the part asked for: it is what is counted, and does not cut the whole."
    return None


def _counted_by(select: exp.Select) -> list[exp.Expr]:
    """The conditions by which the upper side of a share to all counts."""
    found = []
    for item in select.selects:
        for division in item.find_all(exp.Div):
            condition = counted_condition(bare(division.this))
            if condition is not None and is_whole(bare(division.expression)):
                found.append(condition)
        for average in item.find_all(exp.Avg):
            condition = _case_condition(average.this)
            if condition is not None and average.this.args.get("default") is not None:
                found.append(condition)
    return [one for one in found if one.find_ancestor(exp.Select) is select]


def counted_condition(node: exp.Expr) -> exp.Expr | None:
    """The only condition by which an aggregate counts or adds; None for any other expression."""
    if isinstance(node, exp.Filter) and isinstance(node.this, exp.Count | exp.Sum):
        condition: exp.Expr = node.expression.this
        return condition
    if not isinstance(node, exp.Count | exp.Sum):
        return None
    inner = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    return _case_condition(inner)


def _case_condition(node: exp.Expr) -> exp.Expr | None:
    """The only condition of a CASE that gives nothing otherwise."""
    if not isinstance(node, exp.Case) or len(node.args["ifs"]) != 1 or node.this is not None:
        return None
    other = node.args.get("default")
    if other is not None and not isinstance(other, exp.Null) and other.sql() not in {"0", "0.0"}:
        return None
    found: exp.Expr = node.args["ifs"][0].this
    while isinstance(found, exp.Paren):
        found = found.this
    return found


def split_share(question: str) -> tuple[str, str] | None:
    """What a question for a share makes the part, and what the whole; None where it does not say."""
    found = _AMONG.search(question) or _THAT_ARE.search(question)
    return (found["part"], found["whole"]) if found is not None else None


def _part(
    question: str, counted: exp.Expr, others: list[exp.Expr], names: Names, sources: list[Source]
) -> exp.Expr | None:
    """The condition that the question makes the part; None where it does not say."""
    split = split_share(question)
    if split is None:
        times = [is_of_time(one, names, sources) for one in (counted, *others)]
        return counted if not times[0] and all(times[1:]) else None
    part, whole = split
    in_part, in_whole = is_named(counted, part), is_named(counted, whole)
    named = [one for one in others if is_named(one, part) and not is_named(one, whole)]
    named = [one for one in named if not is_of_time(one, names, sources)]
    if not named:
        return counted if in_part or (not in_whole and not others) else None
    return named[0] if len(named) == 1 and not in_part else None


def is_named(condition: exp.Expr, phrase: str) -> bool:
    """Whether the phrase has the condition's values, or a word of its columns where it has no value."""
    spoken, glued = set(stems(phrase)), "".join(words(fold(phrase)))
    values = [node.name.strip("%") for node in condition.find_all(exp.Literal)]
    if values:
        return any(
            {stem(word) for word in words(value)} <= spoken or (len(value) > 3 and _glued(value) in glued)
            for value in values
            if words(value)
        )
    own = {
        stem(word)
        for column in condition.find_all(exp.Column)
        for word in name_words(folded(column.this))
        if word not in STOP_WORDS and word not in {"id", "on", "at"}
    }
    return bool(own & spoken)


def _glued(value: str) -> str:
    return "".join(words(fold(value.replace("_", " "))))


def is_of_time(condition: exp.Expr, names: Names, sources: list[Source]) -> bool:
    """Whether it is about when something was."""
    return any(
        type_family((source.columns or {}).get(folded(column.this), "")) == "moment"
        for column, source in product(condition.find_all(exp.Column), sources)
        if folded(column.args.get("table")) in {source.alias, ""}
    )


def _said(condition: exp.Expr, sources: list[Source]) -> str:
    """The condition in one spelling, each column with its source."""
    copied = condition.copy()
    while isinstance(copied, exp.Paren):
        copied = copied.this
    for column in [copied, *copied.find_all(exp.Column)]:
        if not isinstance(column, exp.Column):
            continue
        name, qualifier = folded(column.this), folded(column.args.get("table"))
        holders = [source.alias for source in sources if source.has(name)]
        column.set("this", exp.to_identifier(name))
        alias = qualifier or (holders[0] if len(holders) == 1 else "")
        column.set("table", exp.to_identifier(alias) if alias else None)
    return copied.sql(dialect="postgres")


def _keep(select: exp.Select, parts: list[exp.Expr]) -> None:
    kept = [part.copy() for part in parts]
    select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)


RULE = Rule("certain_share", _fix)
