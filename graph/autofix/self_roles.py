"""A thing and another of its kind that it refers to, the one taken for the other: clerks and their chiefs.

Where the question says *their chief* and the query shows the name of the chief first, the join is turned;
where it shows the chief's key, it shows what the chief is called. The same where one of the two is named:
*the chief of Ann* is what Ann refers to, and those *whose chief is Ann* refer to her.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, conditions_of, folded, held_texts, identifier
from graph.autofix.self_count import self_reference
from graph.context.words import name_words, stem
from wire.snapshot import ForeignKey

_ROLE = re.compile(
    r"\b(?:their|its|his|her|the\s+names?\s+of\s+(?:their|the|its|his|her))\s+(?:own\s+|direct\s+)?(\w+)",
    re.I,
)


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    if not isinstance(select, exp.Select) or select.args.get("group") or select.is_star:
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    key = self_reference(sources[0].table) if sources and sources[0].table is not None else None
    if scope.expression is not select or key is None or select.find(exp.AggFunc, exp.Window):
        return None
    if len(sources) == 2 and sources[0].table is sources[1].table:
        said = _named(select, key, context.question)
        if said is not None:
            return said
    role = {stem(word) for word in name_words(key.columns[0])[:-1]}
    spoken = {stem(word.lower()) for word in _ROLE.findall(context.question)}
    if len(role) != 1 or not role & spoken:
        return None
    if len(sources) == 2 and sources[0].table is sources[1].table:
        return _turned(select, key)
    return _called(select, names, scope, sources[0], key) if len(sources) == 1 else None


def _turned(select: exp.Select, key: ForeignKey) -> str | None:
    """The thing that is asked about comes first; it is the one that refers."""
    joins = select.args.get("joins") or []
    on = joins[0].args.get("on") if len(joins) == 1 else None
    shown = select.selects[0].find(exp.Column)
    if not isinstance(on, exp.EQ) or shown is None:
        return None
    sides = {folded(side.this): side for side in (on.this, on.expression) if isinstance(side, exp.Column)}
    if set(sides) != {key.columns[0], key.to_columns[0]}:
        return None
    referring, referred = sides[key.columns[0]], sides[key.to_columns[0]]
    alias = folded(referred.args.get("table"))
    if not alias or folded(shown.args.get("table")) != alias:
        return None
    referring.set("this", identifier(key.to_columns[0]))
    referred.set("this", identifier(key.columns[0]))
    return f"{alias} is what refers to the other, as it is asked: the join is turned."


def _named(select: exp.Select, key: ForeignKey, question: str) -> str | None:
    """Turn the join where the one that is named is said to be the other's chief, or to have it for one."""
    joins = select.args.get("joins") or []
    on = joins[0].args.get("on") if len(joins) == 1 else None
    shown = {
        folded(column.args.get("table")) for item in select.selects for column in item.find_all(exp.Column)
    }
    tests = list(held_texts(conditions_of(select)))
    named = {folded(column.args.get("table")) for _, column, _ in tests}
    if (
        not isinstance(on, exp.EQ)
        or len(shown) != 1
        or len(named) != 1
        or shown == named
        or "" in shown | named
    ):
        return None
    sides = {folded(side.this): side for side in (on.this, on.expression) if isinstance(side, exp.Column)}
    role = "_".join(name_words(key.columns[0])[:-1]).replace("_", r"\s+")
    if set(sides) != {key.columns[0], key.to_columns[0]} or not role:
        return None
    one = r"\s+".join(re.escape(text.name.strip("%")) for _, _, text in tests)
    is_of = rf"\b{role}\s+(?:of|for|to)\s+{one}\b|\b{one}(?:'s|’s|'|’)\s+{role}\b"
    has = rf"\b{role}\s+(?:is|was)\s+{one}\b|\breport(?:s|ed|ing)?\s+(?:directly\s+)?to\s+{one}\b"
    referring = folded(sides[key.columns[0]].args.get("table"))
    wanted = named if re.search(is_of, question, re.I) else shown if re.search(has, question, re.I) else None
    if wanted is None or wanted == {referring}:
        return None
    sides[key.columns[0]].set("this", identifier(key.to_columns[0]))
    sides[key.to_columns[0]].set("this", identifier(key.columns[0]))
    return f"{next(iter(wanted))} is what refers to the other, as it is asked: the join is turned."


def _called(select: exp.Select, names: Names, scope: Scope, source: Source, key: ForeignKey) -> str | None:
    """Show what is referred to by its name."""
    shown = [one for one in select.selects if isinstance(one.unalias(), exp.Column)]
    item = next((one for one in shown if folded(one.unalias().this) == key.columns[0]), None)
    columns = source.table.columns if source.table is not None else []
    labels = [column.name for column in columns if name_words(column.name)[-1:] == ["name"]]
    alias = "_".join(name_words(key.columns[0])[:-1])
    if item is None or not labels or alias == source.alias:
        return None
    for column in names.columns(scope):
        column.set("table", exp.to_identifier(source.alias))
    items: list[exp.Expr] = []
    for one in select.selects:
        items += [exp.column(identifier(label), table=alias) for label in labels] if one is item else [one]
    select.set("expressions", items)
    table = select.args["from_" if "from_" in select.args else "from"].this.copy()
    table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    left = exp.column(identifier(key.columns[0]), table=source.alias)
    right = exp.column(identifier(key.to_columns[0]), table=alias)
    select.append("joins", exp.Join(this=table, side="LEFT", on=exp.EQ(this=left, expression=right)))
    return f"Each {alias} is shown by name."


RULE = Rule("self_roles", _fix)
