"""A thing that the question asks about and the draft has nothing for, though it may pretend to.

Asked for the "average gate number" where no gate is known, a small model writes
``AVG(departure_time) AS average_gate_number``: a plain column under the name of the thing. Or it looks for
the word itself as a value: ``food_type = 'parking'``, which that column never holds. A word that the schema
does not know, and of which the draft shows no more than that, is not in the data.
"""

import re
from collections.abc import Collection

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope

from graph.autofix import autofix
from graph.autofix.names import Names, folded, known_values, output_name
from graph.context.coverage import is_silent, vocabulary_of
from graph.context.joins import type_family
from graph.context.synonyms import SYNONYMS
from graph.context.words import STOP_WORDS, fold, name_words, stem, words
from graph.parsing import parsed_one
from wire.snapshot import SchemaSnapshot

_MEASURE = re.compile(r"\b(?:avg|sum)\s*\(", re.IGNORECASE)
LEGIBLE = 4
"""Letters from which a word of a column's name is taken for a word, not for a short form of any."""


def unheld_words(
    sql: str,
    snapshot: SchemaSnapshot,
    missing: Collection[str],
    question: str = "",
    *,
    without: Collection[str] = (),
) -> list[str]:
    """The words of the question that the draft only pretends to answer for, in the question's order.

    Args:
        sql: the model's draft, before any rule has mended it.
        snapshot: what there is.
        missing: words of the question that the schema does not know: ``Coverage.missing``.
        question: helps the rules to find another spelling of a value.
        without: rules of autofix that are switched off.
    """
    wanted = {stem(word): word for word in missing if len(word) > 2 and not is_silent(word)}
    # A synonym is no proof that it is there: a *salary* may be an amount, but no average of keys.
    says = vocabulary_of(snapshot).says
    strange = {
        stem(word): word
        for word in (words(question) if _MEASURE.search(sql) else ())
        if len(word) > 2 and word not in STOP_WORDS and not is_silent(word) and not says(word)
    }
    if not wanted and not strange:
        return []
    mended = autofix(sql, snapshot, question=question, without=without).sql
    try:
        tree = parsed_one(mended)
        if not isinstance(tree, exp.Query):
            return []
        names = Names(tree, snapshot)
        pretended = {root for scope in names.scopes for root in _pretended(names, scope)}
        measured = {root for scope in names.scopes for root in _measured(names, scope)}
    except (SqlglotError, RecursionError):
        return []
    return [
        word
        for root, word in {**strange, **wanted}.items()
        if (root in wanted and any(_is_same(root, other) for other in pretended)) or root in measured
    ]


def _is_same(one: str, other: str) -> bool:
    """Whether two stems are forms of one word: ``reserv`` and ``reservabl``."""
    return one == other or (
        min(len(one), len(other)) > 5 and (one.startswith(other) or other.startswith(one))
    )


def _pretended(names: Names, scope: Scope) -> set[str]:
    """Stems that name a plain measure of another name, or that are looked for where they cannot be."""
    found: set[str] = set()
    expression = scope.expression
    for item in expression.selects if isinstance(expression, exp.Select) else ():
        if isinstance(item, exp.Alias) and _is_another_measure(item.this, names, scope):
            found.update(map(stem, name_words(output_name(item))))
    for node in scope.find_all(exp.EQ, exp.In, exp.Like, exp.ILike):
        column = node.this
        known = names.column(column, scope) if isinstance(column, exp.Column) else None
        if known is None:
            continue
        values, complete = known_values(known)
        for literal in node.expressions if isinstance(node, exp.In) else [node.expression]:
            if not (isinstance(literal, exp.Literal) and literal.is_string):
                continue
            text = fold(literal.name.strip("%").strip())
            if complete and not any(text in fold(value) for value in values):
                found.update(map(stem, words(literal.name)))
    return found


def _measured(names: Names, scope: Scope) -> set[str]:
    """Stems that name an average or a sum of a key, a name or a text, of which there is neither."""
    found: set[str] = set()
    expression = scope.expression
    for item in expression.selects if isinstance(expression, exp.Select) else ():
        measure = item.this if isinstance(item, exp.Alias) else None
        while isinstance(measure, exp.Round | exp.Cast | exp.Paren | exp.Coalesce):
            measure = measure.this
        if not isinstance(measure, exp.Avg | exp.Sum):
            continue
        inner = measure.this
        while isinstance(inner, exp.Cast | exp.Paren | exp.Distinct):
            inner = inner.this if not isinstance(inner, exp.Distinct) else inner.expressions[0]
        if isinstance(inner, exp.Column) and _counts_nothing(inner, names, scope):
            own = {root for word in name_words(folded(inner.this)) for root in _meant(stem(word))}
            found.update(set(map(stem, name_words(output_name(item)))) - own)
    return found


def _counts_nothing(column: exp.Column, names: Names, scope: Scope) -> bool:
    """Whether a column is a key, or a text in which no figures stand."""
    known = names.column(column, scope)
    if known is None:
        return False
    if folded(column.this).endswith(("_id", "_key")) or folded(column.this) == "id":
        return True
    if type_family(known.type) != "text":
        return False
    values = [*known.enum_values, *known.values, *known.samples]
    return bool(values) and not any(value[:1].isdigit() for value in values)


def _meant(root: str) -> set[str]:
    return {root, *SYNONYMS.get(root, ())}


def _is_another_measure(node: exp.Expr, names: Names, scope: Scope) -> bool:
    """A number as it stands in a column whose name says of what, or an average, sum or extreme of it.

    What is worked out may be anything; so may a name, a text, a date, and a number called ``amount`` or
    ``reg_cnt``: the model's word for it may be as good as the schema's.
    """
    while isinstance(node, exp.Avg | exp.Sum | exp.Max | exp.Min | exp.Round | exp.Cast | exp.Paren):
        node = node.this
    if not isinstance(node, exp.Column) or type_family(names.type_of(node, scope)) != "number":
        return False
    said = [word for word in name_words(folded(node.this)) if not is_silent(word)]
    return any(len(word) >= LEGIBLE and not set(SYNONYMS.get(stem(word), ())) for word in said)
