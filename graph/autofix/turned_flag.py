"""A yes or no taken the wrong way round: ``on_sale = FALSE`` for the packages "that we still sell".

The question says the flag's word, or another for it, and denies nothing: then no row of which it is untrue is
asked for. The other way round is left alone, since there are too many ways to say no.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of_type
from graph.autofix.names import folded
from graph.context.synonyms import SYNONYMS
from graph.context.words import listed, name_words, stem, words

_ASIDES = listed("is was has had been be flag are were yn ind on in of can may")
_LETTERS = 4
_SAID = {stem("sale"): {stem("sell"), stem("sold")}}
"""A flag's word by others of the same root."""
_DENIES = re.compile(
    r"""\b(?: no | not | none | nor | neither | never | without | cannot | nobody | nothing | non | less
        | lack\w* | except | exclud\w+ | unless | instead | rather | other\s+than | apart | but | off | out
        | away | fail\w* | miss\w* | stop\w* | former\w* | end\w* | clos\w+ | ceas\w+ | refus\w+
        | reject\w+ | outstanding | open | pending | still\s+(?:to|owe|due) | yet | yes | whether | or
        | either | both | all | percent\w* | share | rate | ratio | proportion | versus | vs | compar\w+
        | (?:un|in|dis|de|ir|im|il)[a-z]{4,} )\b | n['’]t\b | %
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Whatever may deny something, ask for both, or hold one against the other."""


def _fix(context: Context) -> str | None:
    asked = context.question
    if not asked or _DENIES.search(asked):
        return None
    spoken = {stem(word) for word in words(asked)}
    spoken |= {other for word in spoken for other in SYNONYMS.get(word, ())}
    for scope in context.names.scopes:
        where = scope.expression.args.get("where")
        if where is None or scope.expression is not context.tree:
            continue
        for part in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
            column = _denied(part)
            known = context.names.column(column, scope) if column is not None else None
            if column is None or known is None or kind_of_type(known.type) != "boolean":
                continue
            flag = [word for word in name_words(folded(column.this)) if word not in _ASIDES]
            if not flag or len(flag[-1]) < _LETTERS:
                continue
            if not all({stem(word), *_SAID.get(stem(word), ())} & spoken for word in flag):
                continue
            part.replace(column.copy())
            return (
                f"Those that are {' '.join(name_words(folded(column.this)))} are asked for, not the others."
            )
    return None


def _denied(part: exp.Expr) -> exp.Column | None:
    """The column of ``flag = FALSE``, ``flag IS FALSE`` or ``NOT flag``."""
    while isinstance(part, exp.Paren):
        part = part.this
    if isinstance(part, exp.Not) and isinstance(part.this, exp.Column):
        return part.this
    if isinstance(part, exp.EQ | exp.Is) and isinstance(part.this, exp.Column):
        value = part.expression
        if isinstance(value, exp.Boolean) and not value.this:
            return part.this
    return None


RULE = Rule("turned_flag", _fix)
