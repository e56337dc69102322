"""A kind or state that the question puts right beside its thing and the query leaves out: *completed orders*.

Stronger than ``asked_value``, which takes any word that is a value: here the value stands directly before the
noun of the table that has it ("the standard rating", of ``rating.kind``), is said of it ("how many operations
were completed", "who failed the test"), or stands beside the column's own noun ("the region West"). That
holds whatever the figures are grouped by, and for words that elsewhere may mean anything (*active*).
"""

import re
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.added_condition import add_condition
from graph.autofix.asked_value import VAGUE, is_part_of_name, stands_in
from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier, known_values
from graph.context.outcomes import OUTCOMES, said_forms
from graph.context.synonyms import SYNONYMS
from graph.context.words import STOP_WORDS, fold, listed, name_words, stem, words

_LETTERS = 3
"""Letters that a value needs to be told by."""
_MOST_WORDS = 3
_PARTED = re.compile(r"\b(?:whether|versus|vs|compared?|ratio|share|percent\w*|proportion|fraction|rate)\b|%")
"""Words that set a value against others."""
_DENIED = (
    r"(?:\b(?:not|no|non|never|nor|neither|without|except|excluding|exclude|besides|ignor\w+|other\s+than|only|"
    r"includ\w+|even|whatever|regardless|unlike|beyond)|n['’]t)"
)
"""What makes of a value that follows something else than what all rows must have."""
_RECKONED = listed(
    """
    all amount any average best big bottom count current each every false first future highest last latest
    least lowest maximum mean median minimum more most new next none null number old one other others past
    percent previous rate ratio recent share single small sum top total true unknown various worst
    """
)
"""Words of counting and order, which stand before any noun."""
_STATES = listed("status state stage kind type outcome result phase role priority level")
"""Columns whose values are few, even where only the common ones are known."""
_BEGUN = listed(
    """
    added booked created entered filed issued listed logged made opened ordered placed planned posted raised
    received recorded registered reported requested scheduled sent started submitted
    """
)
"""What happens to every row at its beginning: *orders placed in May* may be anything by now."""
_IS = r"(?:is|are)(?:\s+(?:still|currently|now|already|presently|marked(?:\s+as)?))?"
_WAS = (
    r"(?:was|were|(?:has|have|had)(?:\s+\w+ly|\s+since|\s+already)?\s+been|got|being)"
    r"(?:\s+(?:already|actually|later|then))?"
)
_DO = r"(?:did|do|does|has|have|had)"
_AFTER = r"(?=\s+(?:in|on|during|last|this|since|by|per|each|for|at|before|after|between)\b|\W*$)"


def _fix(context: Context) -> str | None:
    question = fold(context.question)
    if not question or _PARTED.search(question):
        return None
    names = context.names
    noted = {stem(word) for word in words(context.notes)}
    read = {folded(one.this) for one in names.tree.find_all(exp.Column)}
    said = {stem(word) for name in read for word in name_words(name)}
    said |= {stem(word) for node in names.tree.find_all(exp.Literal) for word in words(node.name)}
    found: list[tuple[Scope, Source, str, str]] = []
    for scope in names.scopes:
        if not isinstance(scope.expression, exp.Select):
            continue
        for source in names.sources(scope):
            for column, value in _kinds(source):
                parts = {stem(word) for word in words(value)}
                if column in read or parts & (said | noted) or is_part_of_name(value, context.question):
                    continue
                if _is_beside(value, column, source, question, names):
                    found.append((scope, source, column, value))
    if len(found) != 1:
        return None
    [(scope, source, column, value)] = found
    if _has_others(value, column, source, context.question):
        return None
    select = scope.expression
    alone = len(names.sources(scope)) == 1 and scope is names.scopes[-1]
    test = exp.EQ(
        this=exp.column(identifier(column), table=None if alone else source.alias),
        expression=exp.Literal.string(value),
    )
    if not isinstance(select, exp.Select) or not add_condition(select, source.alias, test):
        return None
    return f"Asked for {value}: only rows whose {column} is {value!r} are taken."


def _kinds(source: Source) -> Iterator[tuple[str, str]]:
    """Columns of which all values are known, or that are of a state, with each value that says something."""
    if source.table is None:
        return
    counted: dict[str, int] = {}
    every = [
        (column.name, value)
        for column in source.table.columns
        for values, complete in [known_values(column)]
        if complete or _STATES & set(name_words(column.name))
        for value in values
        if _tells(value)
    ]
    for _, value in every:
        counted[fold(value)] = counted.get(fold(value), 0) + 1
    yield from (one for one in every if counted[fold(one[1])] == 1)


def _tells(value: str) -> bool:
    said = words(value)
    return (
        0 < len(said) <= _MOST_WORDS
        and sum(map(str.isalpha, value)) >= _LETTERS
        and not set(said) <= _RECKONED | STOP_WORDS
    )


def _is_beside(value: str, column: str, source: Source, question: str, names: Names) -> bool:
    said = said_forms(value, question)
    denied = rf"{_DENIED}\W+(?:\w+\W+){{0,4}}?{said}\b|\bnon[\s-]?{said}\b"
    both = rf"\b{said}\s+(?:or|and)\s+(?:not|un\w+|in\w+)\b"
    if not re.search(rf"\b{said}\b", question) or re.search(f"{denied}|{both}", question):
        return False
    things = _nouns(source, question, names)
    if things and _is_said_of(value, said, things, question, _other_nouns(source, names)):
        return True
    own = _column_noun(column, source, names)
    value_said = r"[\s_-]+".join(map(re.escape, words(value)))
    return bool(own) and bool(
        re.search(rf"\b{value_said}\s+{own}\b|\b{own}\s+(?:(?:is|of)\s+)?[\"'“‘]?{value_said}\b", question)
    )


def _is_said_of(value: str, said: str, things: str, question: str, others: set[str]) -> bool:
    """Whether it is said of the table's things: before their noun, or of them by a verb."""
    begun = fold(value) in _BEGUN
    before = rf"\b{said}\s+(?:(?P<between>[a-z]+)\s+)?(?:{things})\b"
    for match in re.finditer(before, question) if not begun else ():
        between = match["between"]
        if between is None or not (between in STOP_WORDS or stem(between) in others or fold(value) in VAGUE):
            return True
    verbs = _IS if begun else rf"(?:{_IS}|{_WAS})"
    tests = [rf"\b(?:{things})\s+(?:(?:that|which|who)\s+)?{verbs}\s+{said}\b(?!\s+by\b)"]
    if fold(value) in OUTCOMES:
        tests += [
            rf"\b(?:{things})\s+{said}\b{_AFTER}",
            rf"\b(?:{things})\s+{_DO}\s+(?:\w+\s+){{1,4}}{said}\b{_AFTER}",
            rf"\b{said}\s+(?:(?:a|an|the|their|his|her|our|any|its|most|more|\d+|at\s+least\s+\w+)\s+){{1,2}}"
            rf"(?:[a-z]+\s+)?(?:{things})\b",
        ]
    return any(re.search(test, question) for test in tests)


def _nouns(source: Source, question: str, names: Names) -> str:
    """How the question calls the table's things, as a pattern; ``""`` where it does not."""
    assert source.table is not None
    called = names.joins.short.table_words(source.table)
    if not called:
        return ""
    head = stem(called[-1])
    others = _other_nouns(source, names)
    # Of *request* and *monthly request* the one that is called no more than that is meant.
    meant = {head} if head not in others or len(called) == 1 else set()
    meant |= {other for other in SYNONYMS.get(head, ()) if other not in others}
    spoken = words(question)
    said = [re.escape(word) for word in dict.fromkeys(spoken) if stem(word) in meant]
    # Of *theory tests* and *practical tests* each is said by its whole name.
    roots, whole = [stem(word) for word in spoken], [stem(word) for word in called]
    said += [
        r"\s+".join(map(re.escape, spoken[place : place + len(called)]))
        for place in range(len(spoken) - len(called) + 1)
        if head not in meant and roots[place : place + len(called)] == whole
    ]
    return "|".join(dict.fromkeys(said))


def _other_nouns(source: Source, names: Names) -> set[str]:
    """By what the other tables' things are called."""
    found = set()
    for table in names.snapshot.listed:
        called = names.joins.short.table_words(table)
        if table is not source.table and called:
            found.add(stem(called[-1]))
    return found


_UNTOLD = listed("name title text description note comment id code date value number no by in at on")


def _column_noun(column: str, source: Source, names: Names) -> str:
    """The column's own words as they would be said, as a pattern; ``""`` where they say nothing."""
    assert source.table is not None
    own = names.joins.short.column_words(source.table, column)
    if not own or own[-1] in _UNTOLD or len(own[-1]) <= _LETTERS:
        return ""
    return rf"{re.escape(own[-1])}s?"


def _has_others(value: str, column: str, source: Source, question: str) -> bool:
    """Whether the question names another value of the column as well."""
    assert source.table is not None
    known = source.table.column(column)
    spoken = [stem(word) for word in words(question)]
    return known is not None and any(
        other != value and stands_in([stem(word) for word in words(other)], spoken)
        for other in known_values(known)[0]
        if _tells(other) and fold(other) not in fold(value)
    )


RULE = Rule("asked_kind", _fix)
