"""A condition that nobody asked for: ``fieldid = 1`` or ``name = 'Your Course'`` out of the blue.

Taken out only where it is plain: a key equal to a number that the question does not name; a text that neither
the question nor the column's known values know; one group picked out of those that the query groups by.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Names, conditions_of, folded, is_integer, known_values
from graph.checks.unsaid_word import words_left
from graph.context.coverage import is_silent
from graph.context.synonyms import SYNONYMS
from graph.context.words import STOP_WORDS, fold, listed, name_words, stem, words

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905


def _fix(context: Context) -> str | None:
    if not context.question:
        return None
    said = f"{context.question}\n{context.notes}"
    asked = {stem(word) for word in words(said)}
    asked |= {str(number) for number, word in enumerate(_NUMBERS) if word in words(context.question)}
    for scope in context.names.scopes:
        conditions = conditions_of(scope.expression)
        for condition in conditions:
            if _unasked(condition, context, scope, asked, fold(said)):
                written = condition.sql(dialect="postgres")
                kept = [part.copy() for part in conditions if part is not condition]
                scope.expression.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
                return f"Nobody asked for {written}; the condition is left out."
    return None


def _unasked(condition: exp.Expr, context: Context, scope: Scope, asked: set[str], question: str) -> bool:
    names = context.names
    if not isinstance(condition, exp.EQ | exp.ILike | exp.Like):
        return False
    column, literal = condition.this, condition.expression
    if not (isinstance(column, exp.Column) and isinstance(literal, exp.Literal)):
        return False
    if not literal.is_string:
        return _is_key(column, names, scope) and literal.this not in asked
    said = [word for word in words(literal.name) if word not in STOP_WORDS]
    if _is_only_event(condition, said, context) and _leaves_no_word(condition, context, scope):
        return True
    if not said or fold(literal.name.strip("%")) in question or any(stem(word) in asked for word in said):
        return False
    if _abbreviates(literal.name, question):
        return False
    known = names.column(column, scope)
    values, complete = known_values(known) if known is not None else ([], False)
    if complete and not any(fold(literal.name.strip("%")) in fold(value) for value in values):
        return True
    if literal.name in values and not any(map(str.isalpha, literal.name)):
        return False  # what ``1-0`` stands for no word tells
    held = literal.name in values
    if _is_group(column, scope) or _says_all_without(condition, context, held=held):
        return True
    return isinstance(condition, exp.EQ) and not context.notes and _leaves_no_word(condition, context, scope)


def _is_only_event(condition: exp.Expr, said: list[str], context: Context) -> bool:
    """Whether the question has the word only as what happened: tickets opened are not open ones."""
    if (
        not isinstance(condition, exp.EQ)
        or context.notes
        or len(said) != 1
        or said[0] in words(context.question)
    ):
        return False
    moments = [one for one in context.tree.find_all(exp.Column) if one.name != condition.this.name]
    return stem(said[0]) in {stem(word) for one in moments for word in name_words(one.name)}


def _leaves_no_word(condition: exp.Expr, context: Context, scope: Scope) -> bool:
    """Whether rows are counted by what happened to them, and nothing of the question goes with a condition.

    Every word but those of counting and of time is in what is left, one of them, which is not the table's,
    in the date that is compared: "shipments booked last month" by ``booked_on``, whatever has become of them.
    Sums and rankings are left alone: which rows count as revenue a status often says, and no question.
    """
    if _DENIED.search(context.question) or not _counts_events(condition, context, scope):
        return False
    rest = context.tree.copy()
    for one in rest.find_all(exp.EQ):
        if one == condition:
            one.replace(exp.true())
    for named in list(rest.find_all(exp.Alias)):
        named.replace(named.this)  # what a draft calls its figures is no more than it was asked
    content = [word for word in dict.fromkeys(words(context.question)) if word not in STOP_WORDS]
    spoken = [word for word in content if word not in PLAIN and not word[0].isdigit()]
    return bool(spoken) and not set(spoken) & set(
        words_left(rest.sql(dialect="postgres"), context.names.snapshot, spoken)
    )


def _says_all_without(condition: exp.Expr, context: Context, *, held: bool) -> bool:
    """Whether every word of the question is in the rest of the statement: none is left to ask for this.

    For a value that the column holds any word may be left but those of counting: *big* for ``'Large'``, *won*
    for ``'home'``.
    """
    if not isinstance(condition, exp.EQ) or context.notes or _STANDING & set(name_words(condition.this.name)):
        return False
    told: set[str] = set()
    for node in context.tree.walk():
        if node is condition or condition in (node.parent, node.parent and node.parent.parent):
            continue
        name = ""
        if isinstance(node, exp.Table | exp.Column | exp.Literal):
            name = node.name
        told |= {stem(word) for word in name_words(name)}
    told |= {other for word in set(told) for other in SYNONYMS.get(word, ())}
    content = [
        word
        for word in words(context.question)
        if word not in STOP_WORDS | PLAIN | _IDLE and (held or not is_silent(word))
    ]
    return bool(content) and all(_is_told(stem(word), told) for word in content)


def _counts_events(condition: exp.Expr, context: Context, scope: Scope) -> bool:
    """Whether rows of one table are counted that a date is compared of, by the verb of the question."""
    sources, select = context.names.sources(scope), scope.expression
    if len(sources) != 1 or sources[0].table is None or not isinstance(select, exp.Select):
        return False
    if select is not context.tree:
        return False
    figures = [one for one in select.selects if one.find(exp.AggFunc)]
    if len(figures) != 1 or not isinstance(figures[0].unalias(), exp.Count) or select.args.get("limit"):
        return False
    if len(select.selects) > 1 and not select.args.get("group"):
        return False
    asked = {stem(word) for word in words(context.question)} - {
        stem(word) for word in name_words(sources[0].table.name)
    }
    clauses = [one for one in (select.args.get("where"), select.args.get("group")) if one is not None]
    return any(
        kind_of(column, context.names, scope) in MOMENTS
        and asked & {stem(word) for word in name_words(column.name)}
        for clause in clauses
        for column in clause.find_all(exp.Column)
        if column is not condition.this
    )


_DENIED = re.compile(
    r"\b(?:not|never|no|without|except|only|actually|really|still|n't)\b|n['’]t\b", re.IGNORECASE
)
PLAIN = listed(
    """
    amount average avg biggest calendar count counted day days figure figures fewest first five
    greatest highest how largest last least list longest lowest many maximum mean median minimum
    month monthly months most much number numbers overall past percent percentage previous quarter
    quarterly quarters ranked rate recent share shortest smallest sorted sum ten three time today
    top total two week weekly weeks whole year yearly years yesterday january february march april
    may june july august september october november december
    """
)
"""Words of counting, order and time: never what a status stands for."""
_IDLE = listed(
    """
    answer calculate database determine different display distinct exist exists find following get identify
    information made make name names need number provide record recorded records return shown sort table
    together unique want
    """
)
"""Words that say what is to be done with rows, and nothing of them."""
_STANDING = frozenset({"status", "state", "stage", "active", "type", "kind", "deleted", "closed", "valid"})
"""Words of columns whose values say which rows count at all, whatever is asked."""


def _is_told(word: str, told: set[str]) -> bool:
    return word in told or (word.endswith("s") and word[:-1] in told)


def _is_key(column: exp.Column, names: Names, scope: Scope) -> bool:
    name = folded(column.this)
    parts = name_words(name)
    keyed = parts[-1] in {"id", "key"} or (len(name) > 4 and name.endswith("id"))
    return keyed and is_integer(names.type_of(column, scope))


def _is_group(column: exp.Column, scope: Scope) -> bool:
    group = scope.expression.args.get("group")
    return (
        group is not None
        and len(group.expressions) == 1
        and any(
            isinstance(key, exp.Column) and folded(key.this) == folded(column.this)
            for key in group.expressions
        )
    )


def _abbreviates(literal: str, question: str) -> bool:
    """Whether the literal may stand for a word of the question: ``CA`` for California, ``Y`` for yes."""
    short = "".join(words(literal))
    if len(short) < 2:
        return True
    spoken = words(question)
    initials = "".join(word[0] for word in spoken)
    return short in initials or any(
        word[0] == short[0] and (word.startswith(short[:4]) or _in_order(short, word)) for word in spoken
    )


def _in_order(letters: str, word: str) -> bool:
    rest = iter(word)
    return all(letter in rest for letter in letters)


RULE = Rule("unasked_filter", _fix)
