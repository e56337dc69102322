"""What has not been done yet, asked by a status: *unresolved* tickets that are not only the open ones.

*Unresolved*, *unpaid*, *not yet returned*: where the table has a moment of its being done (``resolved_at``),
what is undone has none. That takes the place of a status that the question does not name. A status that
is called exactly so, or a yes or no of it, stands.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import Source, conditions_of, folded, identifier, known_values
from graph.context.words import fold, name_words, stem, words

_UNDONE = re.compile(
    r"\b(?:un-?|not\s+yet\s+(?:been\s+)?|yet\s+to\s+be\s+|still\s+to\s+be\s+)(\w{4,})\b"
    r"|\b(?:not|n['’]t)\s+(?:been\s+)?(\w{4,})\s+yet\b",
    re.IGNORECASE,
)
_ENDINGS = frozenset({"at", "on", "date", "dt", "day", "time", "ts"})
_STATES = frozenset({"status", "state", "stage", "stat", "phase", "outcome"})


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, fold(context.question)
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or scope.expression is not select or not isinstance(select, exp.Select):
        return None
    deeds = [(found[0], next(filter(None, found.groups()))) for found in _UNDONE.finditer(question)]
    sources = names.sources(scope)
    places = [(source, one) for _, deed in deeds for source in sources for one in _moments(source, deed)]
    if len(deeds) != 1 or len(places) != 1 or any(join.side for join in select.args.get("joins") or ()):
        return None
    [(source, moment)], [(said, deed)] = places, deeds
    if any(_states_it(other, said, deed) for other in sources) or said in fold(context.notes):
        return None
    conditions = conditions_of(select)
    tests = [one for one in conditions if _is_state(one, source, sources)]
    if any(folded(column.this) == moment for one in conditions for column in one.find_all(exp.Column)):
        return None
    if len(tests) > 1 or any(_is_named(one, question, said) for one in tests):
        return None
    if any(stem(word) == stem(deed) for one in tests for word in _texts(one)):
        return None  # what is not resolved, by its status
    column = exp.column(identifier(moment), table=source.alias if len(sources) > 1 else None)
    test = exp.Is(this=column, expression=exp.Null())
    kept = [one.copy() for one in conditions if one not in tests]
    select.set("where", exp.Where(this=exp.and_(*kept, test)))
    return f"Asked for what is {said}: it has no {moment}."


def _moments(source: Source, deed: str) -> list[str]:
    """Moments of the deed that may be lacking."""
    columns = source.table.columns if source.table is not None else []
    return [
        column.name
        for column in columns
        if column.nullable and kind_of_type(column.type) in MOMENTS and _bare(column.name) == {stem(deed)}
    ]


def _bare(column: str) -> set[str]:
    return {stem(word) for word in name_words(column) if word not in _ENDINGS}


def _states_it(source: Source, said: str, deed: str) -> bool:
    """Whether a value of the table is called so, or a yes or no says so."""
    whole = "".join(words(said))
    for column in source.table.columns if source.table is not None else []:
        if any("".join(words(value)) == whole for value in known_values(column)[0]):
            return True
        if kind_of_type(column.type) == "boolean" and stem(deed) in _bare(column.name):
            return True
    return False


def _is_state(test: exp.Expr, source: Source, sources: list[Source]) -> bool:
    """Whether it holds a status of the table against texts."""
    column = test.find(exp.Column)
    if not isinstance(test, exp.EQ | exp.NEQ | exp.In | exp.Or | exp.Not) or column is None:
        return False
    if folded(column.args.get("table")) not in {source.alias} | ({""} if len(sources) == 1 else set()):
        return False
    return bool(_STATES & set(name_words(column.name))) and source.has(folded(column.this)) is True


def _texts(test: exp.Expr) -> list[str]:
    return [word for literal in test.find_all(exp.Literal) for word in words(literal.name)]


def _is_named(test: exp.Expr, question: str, said: str) -> bool:
    asked = set(words(question.replace(said, " ")))
    return not asked.isdisjoint(_texts(test))


RULE = Rule("undone_deed", _fix)
