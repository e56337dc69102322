"""The parts of a ratio, or of a difference, side by side where the one figure is asked for.

"The ratio of lost to delivered parcels" drafted as two counts, or as a count for each state: the first that
the question names is divided by the second. "How many more … than …" takes the second from the first.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.certain_share import counted_condition
from graph.autofix.names import Names, Source, conditions_of, folded, known_values, output_name
from graph.autofix.ratio_parts import is_whole
from graph.context.joins import type_family
from graph.context.words import STOP_WORDS, fold, name_words, stem, stems, words

_END = (
    r"(?=\s+(?:for|in|at|per|by|on|of)\s+(?:each|every|all)\b|\s+(?:per|among|amongst|across|by)\b|"
    r"[?,;]|\.(?!\d)|$)"
)
_SIDE = r"[\w-]+(?:\s\w+)??"
_RATIO = (
    re.compile(
        rf"\bratios?\s+(?:of|between)\s+(?P<one>.+?)\s+(?:to|and|versus|vs\.?|over)\s+(?P<other>.+?){_END}",
        re.I,
    ),
    re.compile(rf"\b(?P<one>{_SIDE})[\s-]+(?:to|vs\.?|versus)[\s-]+(?P<other>{_SIDE})\s+ratio\b", re.I),
)
_DIFFERENCE = (
    re.compile(rf"\bhow\s+many\s+more\s+(?P<one>.+?)\s+than\s+(?P<other>.+?){_END}", re.I),
    re.compile(
        rf"\bdifference\s+(?:in\s+.+?\s+)?between\s+(?:the\s+)?(?P<one>.+?)\s+and\s+(?P<other>.+?){_END}",
        re.I,
    ),
)
_BESIDE = re.compile(
    r"\b(?:as\s+well\s+as|along\s+with|together\s+with|and\s+(?:the|their|its)\s+ratio)\b", re.I
)
_PARTS = ("having", "distinct", "with_", "offset", "fetch", "limit")


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    if not isinstance(select, exp.Select) or _BESIDE.search(question):
        return None
    ratio = [hit for pattern in _RATIO for hit in pattern.finditer(question)]
    asked = ratio or [hit for pattern in _DIFFERENCE for hit in pattern.finditer(question)]
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if len(asked) != 1 or scope.expression is not select or any(one.table is None for one in sources):
        return None
    if any(select.args.get(part) for part in _PARTS) or not sources:
        return None
    if any(item.find(exp.Div, exp.Sub, exp.Window, exp.Query) for item in select.selects):
        return None
    one, other = asked[0]["one"], asked[0]["other"]
    pair = _side_by_side(select, one, other, names, sources)
    group: exp.Group | None = select.args.get("group")
    if pair is None:
        turned = _by_group(select, one, other, names, sources)
        if turned is None:
            return None
        *pair_, key, tests = turned
        pair = (pair_[0], pair_[1])
        kept = [item for item in select.selects if not item.find(exp.AggFunc) and item.unalias() != key]
        select.set("expressions", kept)
        left = [one_ for one_ in group.expressions if one_ != key] if group is not None else []
        select.set("group", exp.Group(expressions=left) if left else None)
        where = [test.copy() for test in conditions_of(select) if not any(test is used for used in tests)]
        select.set("where", exp.Where(this=exp.and_(*where)) if where else None)
        select.set("order", None)
    above, below = pair
    figure: exp.Expr
    if ratio:
        floor = exp.Nullif(this=below.copy(), expression=exp.Literal.number(0))
        figure = exp.Div(this=exp.cast(above.copy(), exp.DType.DOUBLE), expression=floor)
    else:
        figure = exp.Sub(this=above.copy(), expression=below.copy())
    kept = [item for item in select.selects if not item.find(exp.AggFunc)]
    kept = [item for item in kept if item.unalias() not in (above, below)]
    select.set("expressions", [*kept, figure])
    order = select.args.get("order")
    if order is not None and any(not _is_shown(key.this, select) for key in order.expressions):
        select.set("order", None)
    said = f"{above.sql(dialect='postgres')} {'/' if ratio else '-'} {below.sql(dialect='postgres')}"
    return f"One figure is asked for: {said}."


def _is_shown(key: exp.Expr, select: exp.Select) -> bool:
    shown = {output_name(item) for item in select.selects} | {item.unalias().sql() for item in select.selects}
    return key.sql() in shown or (isinstance(key, exp.Column) and folded(key.this) in shown)


def _side_by_side(
    select: exp.Select, one: str, other: str, names: Names, sources: list[Source]
) -> tuple[exp.Expr, exp.Expr] | None:
    """The two figures of a select list, in the order of the question."""
    figures = [item for item in select.selects if item.find(exp.AggFunc)]
    if figures:
        some = [item for item in figures if not (is_whole(item.unalias()) and len(figures) > 2)]
        bare = all(isinstance(item.unalias(), exp.AggFunc | exp.Filter) for item in some)
        if len(some) != 2 or not bare:
            return None
        plain = [item.unalias() for item in select.selects if not item.find(exp.AggFunc)]
        group = select.args.get("group")
        if any(item not in (group.expressions if group is not None else ()) for item in plain):
            return None
    else:
        some = [
            item
            for item in select.selects
            if isinstance(item.unalias(), exp.Column)
            and any(
                type_family((source.columns or {}).get(folded(item.unalias().this), "")) == "number"
                for source in sources
            )
            and {stem(word) for word in name_words(item.unalias().name) if word != "id"}
            <= set(stems(f"{one} {other}"))
        ]
        if len(some) != 2:
            return None
    first, second = some
    scores = [[_meets(item, phrase) for phrase in (one, other)] for item in some]
    if scores[0][0] + scores[1][1] > scores[0][1] + scores[1][0]:
        return first.unalias(), second.unalias()
    if scores[0][0] + scores[1][1] < scores[0][1] + scores[1][0]:
        return second.unalias(), first.unalias()
    return None


def _meets(item: exp.Expr, phrase: str) -> int:
    """How many words of a phrase a figure is made of: its alias, its columns, the values it counts by."""
    figure = item.unalias()
    own = name_words(item.alias) if item.alias else []
    own += [word for column in figure.find_all(exp.Column) for word in name_words(folded(column.this))]
    own += [word for value in figure.find_all(exp.Literal) for word in words(value.name)]
    spoken = set(stems(phrase)) - {stem(word) for word in STOP_WORDS}
    return len({stem(word) for word in own} & spoken)


def _by_group(
    select: exp.Select, one: str, other: str, names: Names, sources: list[Source]
) -> tuple[exp.Expr, exp.Expr, exp.Column, list[exp.Expr]] | None:
    """Of a figure for each value of a column, that for the value that either part names."""
    group = select.args.get("group")
    figures = [item.unalias() for item in select.selects if item.find(exp.AggFunc)]
    if group is None or len(figures) != 1 or not isinstance(figures[0], exp.AggFunc):
        return None
    if counted_condition(figures[0]) is not None:
        return None
    found = []
    scope = names.scopes[-1]
    for key in group.expressions:
        if not isinstance(key, exp.Column) or (column := names.column(key, scope)) is None:
            continue
        tests = [test for test in conditions_of(select) if _is_about(test, key)]
        listed = [
            value.name
            for test in tests
            for value in (test.find_all(exp.Literal) if isinstance(test, exp.In | exp.Or) else ())
        ]
        values = list(dict.fromkeys(listed)) or known_values(column)[0]
        named = [_named(phrase, values) for phrase in (one, other)]
        if None not in named and named[0] != named[1]:
            found.append((key, tests, named))
    if len(found) != 1:
        return None
    key, tests, named = found[0]
    above, below = (
        exp.Filter(
            this=figures[0].copy(),
            expression=exp.Where(this=exp.EQ(this=key.copy(), expression=exp.Literal.string(value))),
        )
        for value in named
    )
    return above, below, key, tests


def _is_about(test: exp.Expr, key: exp.Column) -> bool:
    columns = list(test.find_all(exp.Column))
    return bool(columns) and all(column == key for column in columns) and not test.find(exp.Query)


def _named(phrase: str, values: list[str]) -> str | None:
    """The one value that a phrase names, by its words or by the letter that it begins with."""
    spoken = stems(phrase)
    whole = [
        value for value in values if words(value) and {stem(word) for word in words(value)} <= set(spoken)
    ]
    if whole:
        return whole[0] if len(whole) == 1 else None
    letters = {letter for word in words(phrase) for letter in _SEXES.get(word, "")}
    short = [value for value in values if fold(value) in letters]
    return short[0] if len(short) == 1 else None


_SEXES = {
    **dict.fromkeys(("male", "males", "men", "man", "boys"), "m"),
    **dict.fromkeys(("female", "females"), "f"),
    **dict.fromkeys(("women", "woman"), "fw"),
    **dict.fromkeys(("girls",), "fg"),
}
"""What is kept as one letter, and by which letters."""


RULE = Rule("undivided_parts", _fix)
