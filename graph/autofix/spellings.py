"""A value that its column has in several spellings, of which the query finds one: ``'Leeds'``, ``'leeds'``.

What was typed by hand differs in capitals and stray spaces, and whoever asks for it means all of it. The
column's known values tell, or what is said beside the question ("match city names case-insensitively").
Groups are put together only where that is said.
"""

import re
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded, is_text, known_values
from graph.context.words import fold, name_words, stem, words
from wire.snapshot import Column

_EXACT = re.compile(
    r"\bexact\w*|\bcase[\s-]*sensitiv|\bspel(?:t|led|ling)\b|\b(?:upper|lower)[\s-]*case\s+matches",
    re.IGNORECASE,
)
_ALIKE = re.compile(
    r"\bcase[\s-]*insensitiv|\b(?:regardless|irrespective|independent\w*)\s+of\s+(?:the\s+)?(?:case|capital\w*)\b|"
    r"\bwhatever\s+(?:the|their)\s+case\b|\bignor\w+\s+(?:the\s+)?(?:case|capital\w*|upper|lower)\b|"
    r"\b(?:upper|lower)(?:[\s-]+case)?\s+(?:and|or)\s+(?:lower|upper)[\s-]+case\b|"
    r"\b(?:capitals?|small|big|large)(?:\s+letters)?\s+(?:and|or)\s+(?:small|capitals?|big|large)(?:\s+letters)?\b|"
    r"\bdiffer\w*\s+only\s+(?:in|by)\s+(?:case|capital\w*|upper|spelling)\b",
    re.IGNORECASE,
)
"""Said of capitals and small letters, that they make no difference."""
_SENTENCE = re.compile(r"[^.;!?\n]+")
_ANY = frozenset(map(stem, "always all any text texts string strings word words value values".split()))  # noqa: SIM905


def _fix(context: Context) -> str | None:
    if _EXACT.search(f"{context.question}\n{context.notes}"):
        return None
    for scope in context.names.scopes:
        for test in list(scope.find_all(exp.EQ, exp.NEQ, exp.In, exp.ILike)):
            column, texts = test.this, _texts(test)
            lowered = isinstance(column, exp.Lower) or isinstance(test, exp.ILike)
            column = column.this if isinstance(column, exp.Lower) else column
            known = context.names.column(column, scope) if isinstance(column, exp.Column) else None
            if known is None or not texts or not is_text(known.type):
                continue
            if lowered and not any(_has_stray(known, text) for text in texts):
                continue
            if any(_has_several(known, text) or _is_said_of(known, text, context) for text in texts):
                return _alike(test, column, texts, known)
        if (said := _grouped(scope, context)) is not None:
            return said
    return None


def _texts(test: exp.Expr) -> list[str]:
    """The texts that a comparison holds a column against; none where it does anything else."""
    items = test.expressions if isinstance(test, exp.In) else [test.args.get("expression")]
    texts = [item.name for item in items if isinstance(item, exp.Literal) and item.is_string]
    if len(texts) < len(items) or (isinstance(test, exp.ILike) and set(texts[0]) & set("%_")):
        return []
    return [text for text in texts if any(map(str.isalpha, text))]


def _bare(value: str) -> str:
    return fold(value.strip())


def _has_several(column: Column, text: str) -> bool:
    """Whether values are known that differ from each other, and from the text, in nothing that is said."""
    return len({value for value in known_values(column)[0] if _bare(value) == _bare(text)}) > 1


def _has_stray(column: Column, text: str) -> bool:
    """Whether some of these have spaces around them."""
    return any(value != value.strip() for value in known_values(column)[0] if _bare(value) == _bare(text))


def _is_said_of(column: Column, text: str, context: Context) -> bool:
    """Whether the notes want it found in any spelling, and nothing known says that it has but one."""
    values, complete = known_values(column)
    if complete and text in values:
        return False
    own = {stem(word) for word in name_words(column.name)}
    return any(
        (own | _ANY) & {stem(word) for word in words(sentence)}
        for sentence in _SENTENCE.findall(context.notes)
        if _ALIKE.search(sentence)
    )


def _alike(test: exp.Expr, column: exp.Column, texts: list[str], known: Column) -> str:
    lowered: exp.Expr = _lowered(column, known)
    wanted = list(dict.fromkeys(text.strip().lower() for text in texts))
    literals = [exp.Literal.string(text) for text in wanted]
    if isinstance(test, exp.In):
        alike: exp.Expr = exp.In(this=lowered, expressions=literals)
    else:
        kind = exp.NEQ if isinstance(test, exp.NEQ) else exp.EQ
        alike = kind(this=lowered, expression=literals[0])
    parent = test.parent
    if isinstance(parent, exp.Or) and _other(parent, test) == alike:
        parent.replace(alike)  # ``= 'LEEDS' OR = 'leeds'`` asked for as much as the draft could think of
    else:
        test.replace(alike)
    return f"{known.name} has {texts[0]!r} in several spellings: all of them are taken."


def _other(either: exp.Or, test: exp.Expr) -> exp.Expr:
    other: exp.Expr = either.expression if either.this is test else either.this
    return other


def _lowered(column: exp.Column, known: Column) -> exp.Lower:
    spaced = any(value != value.strip() for value in known_values(known)[0])
    return exp.Lower(this=exp.Trim(this=column.copy()) if spaced else column.copy())


def _grouped(scope: Scope, context: Context) -> str | None:
    """Put together groups that differ only in their spelling, where the notes say that they are one."""
    group = scope.expression.args.get("group")
    if group is None or not any(map(_ALIKE.search, _SENTENCE.findall(context.notes))):
        return None
    for key in group.expressions:
        known = context.names.column(key, scope) if isinstance(key, exp.Column) else None
        if known is None or not is_text(known.type) or not _is_said_of(known, "", context):
            continue
        values = known_values(known)[0]
        if len({_bare(value) for value in values}) == len(set(values)):
            continue
        for one in list(_uses(scope, key)):
            lowered: exp.Expr = _lowered(one, known)
            shown = isinstance(one.parent, exp.Select)
            one.replace(exp.alias_(lowered, folded(key.this)) if shown else lowered)
        return f"Groups whose {known.name} differs only in its spelling are put together."
    return None


def _uses(scope: Scope, key: exp.Column) -> Iterator[exp.Column]:
    for one in scope.find_all(exp.Column):
        same = folded(one.this) == folded(key.this) and folded(one.args.get("table")) == folded(
            key.args.get("table")
        )
        if same and one.find_ancestor(exp.Lower, exp.Upper) is None and one.find_ancestor(exp.Where) is None:
            yield one


RULE = Rule("spellings", _fix)
