"""A condition on a code that nobody asked for: ``status = 'A'``, since the draft takes A for active.

Drafts are fond of them, where a column has a few short codes. A code is asked for when the question or its
notes name it, its column, or what the column's comment says that it means; or when a word that nothing else
in the query accounts for is a name, a thing, an outcome (*won*), or may be what it abbreviates. A yes or no
may be asked for in any words.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, known_values
from graph.autofix.unasked_filter import PLAIN
from graph.checks.unsaid_word import words_left
from graph.context.coverage import is_silent
from graph.context.outcomes import OUTCOMES
from graph.context.synonyms import SYNONYMS
from graph.context.words import STOP_WORDS, listed, name_words, stem, words
from wire.snapshot import Column

_LONGEST = 3
"""Letters of a code at most; what is longer is a word, and says what it means."""
_YES_OR_NO = frozenset({"Y", "N", "YES", "NO", "T", "F", "J", "0", "1", ""})
_DENIES = re.compile(
    r"\b(?:not|no|never|without|except|excluding|only|still|yet|un\w{4,})\b|n['’]t\b", re.IGNORECASE
)
_STATES = listed(
    """
    active available cancelled closed complete completed confirmed current currently done existing failed
    finished inactive live now open outstanding paid pending present rejected successful unpaid valid void
    voided
    """
)
"""Words of a state, for which any code may stand."""


def _fix(context: Context) -> str | None:
    question = context.question
    if not question or _DENIES.search(question):
        return None
    for scope in context.names.scopes:
        where = scope.expression.args.get("where")
        if where is None:
            continue
        conditions = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        for condition in conditions:
            if _is_unasked(condition, scope, context):
                written = condition.sql(dialect="postgres", comments=False)
                kept = [part.copy() for part in conditions if part is not condition]
                scope.expression.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
                return f"Nobody asked for {written}; the condition is left out."
    return None


def _is_unasked(condition: exp.Expr, scope: Scope, context: Context) -> bool:
    if not isinstance(condition, exp.EQ):
        return False
    column, literal = condition.this, condition.expression
    if not (isinstance(column, exp.Column) and isinstance(literal, exp.Literal) and literal.is_string):
        return False
    code = literal.name
    known = context.names.column(column, scope)
    if known is None or not code.isalpha() or len(code) > _LONGEST or not _is_coded(known, code):
        return False
    said = f"{context.question}\n{context.notes}"
    if re.search(rf"(?<!\w){re.escape(code)}(?!\w)", said, 0 if len(code) == 1 else re.IGNORECASE):
        return False
    spoken = {stem(word) for word in words(said)}
    if spoken & _named(column.name, scope, context.names):
        return False
    left = _left(condition, said, context)
    if any(re.search(rf"(?<!^)\b{word[0].upper()}{re.escape(word[1:])}\b", said) for word in left):
        return False  # a name that nothing else accounts for: ``DE`` for Germany
    if any(word in OUTCOMES or not (is_silent(word) or word in PLAIN) for word in left):
        return False  # ``F`` for girls, ``W`` for what was won: a code may be what any word means
    meant = {stem(word) for word in words(known.comment) if word not in STOP_WORDS}
    return not any(
        word in _STATES or stem(word) in meant or _may_shorten(code.lower(), word) for word in left
    )


def _is_coded(column: Column, code: str) -> bool:
    values, complete = known_values(column)
    if not complete or {one.upper() for one in values} <= _YES_OR_NO:
        return False
    return code in values and len(values) > 1 and all(len(one) <= _LONGEST + 1 for one in values)


def _named(column: str, scope: Scope, names: Names) -> set[str]:
    """Stems of the column's own words and their synonyms, without those that are its table's."""
    tables = {
        stem(word)
        for source in names.sources(scope)
        if source.table is not None
        for word in names.joins.short.table_words(source.table)
    }
    own = {stem(word) for word in name_words(column)} - tables - {"code", "cod"}
    return own | {other for word in own for other in SYNONYMS.get(word, ())}


def _left(condition: exp.Expr, said: str, context: Context) -> list[str]:
    """Words of question and notes that the rest of the query says nothing of."""
    rest = context.tree.copy()
    for one in rest.find_all(exp.EQ):
        if one == condition:
            one.replace(exp.true())
    content = [word for word in dict.fromkeys(words(said)) if word not in STOP_WORDS]
    return words_left(rest.sql(dialect="postgres", comments=False), context.names.snapshot, content)


def _may_shorten(code: str, word: str) -> bool:
    rest = iter(word)
    return word[0] == code[0] and all(letter in rest for letter in code)


RULE = Rule("unasked_code", _fix)
