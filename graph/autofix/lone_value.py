"""Values of one column that no row has all at once, of which the question says one, or none.

``kind = 'painkiller' AND kind = 'steroid' AND kind = 'hormone'`` for painkillers: a small model lists the
values that it was shown. What the question has a word for stays; of a column for which it has none nothing
does, where three values or more of some column are listed. Two that are asked for are ``all_of``'s.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import held_texts
from graph.context.synonyms import SYNONYMS
from graph.context.words import STOP_WORDS, stem, words

_LISTED = 3
"""Values of one column from which a query is taken to list what there is."""


def _fix(context: Context) -> str | None:
    asked = {stem(word) for word in words(f"{context.question} {context.notes}")}
    if not asked:
        return None
    for select in context.tree.find_all(exp.Select):
        where = select.args.get("where")
        if where is None or not isinstance(where.this, exp.And):
            continue
        parts = list(where.this.flatten())
        columns = _columns(parts)
        # Who lists what there is of one column does so of the next.
        lists = any(len(_texts_of(tests)) >= _LISTED for tests in columns.values())
        gone: list[exp.Binary] = []
        for tests in columns.values():
            said = {value for value in _texts_of(tests) if _is_asked(value, asked)}
            if len(said) == 1 or (not said and lists):
                first = next((test for test in tests if test.expression.name in said), None)
                gone += [test for test in tests if test is not first]
        if not gone:
            continue
        kept = [part.copy() for part in parts if not any(part is test for test in gone)]
        select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
        named = ", ".join(dict.fromkeys(repr(test.expression.name) for test in gone))
        return f"No row has several values of one column at once: {named} nobody asked for."
    return None


def _texts_of(tests: list[exp.Binary]) -> set[str]:
    return {test.expression.name for test in tests}


def _columns(parts: list[exp.Expr]) -> dict[str, list[exp.Binary]]:
    """The tests of each column that is held against several texts at once."""
    found: dict[str, list[exp.Binary]] = {}
    for test, column, _ in held_texts(part for part in parts if isinstance(part, exp.EQ)):
        found.setdefault(column.sql(dialect="postgres").lower(), []).append(test)
    return {column: tests for column, tests in found.items() if len(_texts_of(tests)) > 1}


def _is_asked(value: str, asked: set[str]) -> bool:
    """Whether the question has the value's words, or other words for them."""
    own = [stem(word) for word in words(value) if word not in STOP_WORDS]
    return bool(own) and all(root in asked or not asked.isdisjoint(SYNONYMS.get(root, ())) for root in own)


RULE = Rule("lone_value", _fix)
