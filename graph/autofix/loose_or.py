"""OR that binds otherwise than it is meant: "Leeds or York, joined in 2025", "in neither Leeds nor York".

``city = 'Leeds' OR city = 'York' AND joined > …`` asks the rest of York alone: AND binds closer. Where both
sides begin or end with a test of one column, the tests of that column are put together. ``city <> 'Leeds' OR
city <> 'York'`` holds for every row: both must be so. So must ``NOT IN … OR NOT IN …`` where the question
says *neither*.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule

_NEITHER = re.compile(r"\b(?:neither|nor)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    for either in list(context.tree.find_all(exp.Or)):
        if isinstance(either.parent, exp.Or):
            continue
        said = _always(either, context.question) or _loose(either, context.question)
        if said:
            return said
    return None


def _always(either: exp.Or, question: str) -> str | None:
    """Two things that a row may not be, one of which it never is."""
    sides = [side.unnest() for side in either.flatten()]
    if all(isinstance(side, exp.NEQ) and isinstance(side.expression, exp.Literal) for side in sides):
        if len({side.this.sql().lower() for side in sides}) != 1 or len({*sides}) != len(sides):
            return None
        either.replace(exp.paren(exp.and_(*(side.copy() for side in sides))))
        tested = sides[0].this.sql(dialect="postgres")
        return f"Every row has another {tested} than one of them: both must be so."
    if _NEITHER.search(question) and all(
        isinstance(side, exp.Not) and isinstance(side.this.unnest(), exp.In | exp.Exists) for side in sides
    ):
        either.replace(exp.paren(exp.and_(*(side.copy() for side in sides))))
        return "Neither of them: both must be so."
    return None


def _loose(either: exp.Or, question: str) -> str | None:
    """``a = 1 OR a = 2 AND b``, written without brackets."""
    sides = list(either.flatten())
    if len(sides) < 2 or not isinstance(either.parent, exp.Where):
        return None
    for at, place in ((-1, 0), (0, -1)):
        together = sides[at]
        rest = sides[:-1] if at else sides[1:]
        if not isinstance(together, exp.And):
            continue
        tests = list(together.flatten())
        tested = _tested(tests[place])
        if tested is None or any(_tested(one) != tested for one in rest):
            continue
        if any(tested in one.find_all(exp.Column) for one in tests if one is not tests[place]):
            continue
        if not _is_one_choice(*(one.expression.name for one in (*rest, tests[place])), question=question):
            continue
        alternatives = [*rest, tests[place]] if at else [tests[place], *rest]
        others = [one for one in tests if one is not tests[place]]
        grouped = exp.paren(exp.or_(*(one.copy() for one in alternatives)))
        ordered = [grouped, *others] if at else [*others, grouped]
        either.replace(exp.and_(*(one.copy() for one in ordered)))
        return f"Either {tested.sql(dialect='postgres')} is meant with all else: OR is put in brackets."
    return None


def _is_one_choice(*values: str, question: str) -> bool:
    """Whether the question names the values together, as names: "from Leeds or York".

    What else is said may belong to the last of two words alone: "cancelled, or delivered late".
    """
    first, last = (re.escape(value.strip("%")) for value in (values[0], values[-1]))
    if not all(value.strip("%")[:1].isupper() for value in values):
        return bool(re.search(r"\beither\b", question, re.IGNORECASE))
    between = r"\W+(?:\w+\W+){0,4}?or\W+(?:\w+\W+){0,2}?"
    return bool(re.search(rf"\b(?:{first}{between}{last}|{last}{between}{first})\b", question))


def _tested(node: exp.Expr) -> exp.Column | None:
    """The column that is held against a written value."""
    if not isinstance(node, exp.EQ | exp.Like | exp.ILike) or not isinstance(node.expression, exp.Literal):
        return None
    return node.this if isinstance(node.this, exp.Column) else None


RULE = Rule("loose_or", _fix)
