"""A yes or no that question or notes name and the query leaves out: tickets "that were not refunded".

A boolean column of a table that is read, of which nothing in the query speaks. It is denied in the question
or in a definition beside it ("cancelled showings do not count"), or the question says it of the table's
things ("refunded tickets"). Where shares are asked for, or the word stands in an aside that allows both
("refunded or not"), what is meant is the model's to say.
"""

import re
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.added_condition import add_condition
from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of_type
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.words import name_words, stem, words

_ASIDES = frozenset({"is", "was", "has", "had", "been", "be", "flag", "are", "were", "yn", "ind"})
_LETTERS = 4
"""Letters that a flag's word needs to be told by."""
_SENTENCE = re.compile(r"[^.;!?\n]+")
_BOTH = re.compile(
    r"\b(?:whether|including|includ\w+|even|regardless|either|both|or\s+not|all)\b", re.IGNORECASE
)
_SHARES = re.compile(
    r"\b(?:share|percentage|percent|rate|ratio|proportion|fraction|versus|vs|compared?|split|by|per|each)\b|%",
    re.IGNORECASE,
)
_BEFORE = (
    r"(?:\bnot|n['’]t|\bnever|\bexcluding|\bexclude|\bexcept(?:\s+for)?|\bwithout|\bignoring|\bignore|"
    r"\bleav\w+\s+out|\bother\s+than|\bdisregard\w*)\s+(?:(?:been|yet|be|being|any|all|the|those|that|were|"
    r"was|are|is|later|already)\s+){0,3}"
)
_AFTER = (
    r"\W+(?:\w+\W+){0,4}?(?:(?:do|does|did|are|is|were|was|has|have)(?:\s+not|n['’]t)(?!\s+(?:been\s+)?"
    r"(?!count|consider|includ|want|need|interest|relevant|regard|look|ask|reckon|sh[oe]wn)\w+ed\b)|never|"
    r"left\s+out|excluded|ignored|omitted)\b"
)


@dataclass(frozen=True, slots=True)
class _Flag:
    """One boolean column by its word."""

    source: Source
    column: str
    nullable: bool
    word: str


def _fix(context: Context) -> str | None:
    names = context.names
    if not context.question:
        return None
    used = {folded(one.this) for one in names.tree.find_all(exp.Column)}
    told = {stem(word) for node in names.tree.find_all(exp.Literal) for word in words(node.name)}
    for scope in names.scopes:
        if not isinstance(scope.expression, exp.Select):
            continue
        flags = [flag for source in names.sources(scope) for flag in _flags(source, names)]
        for flag in flags:
            alone = sum(other.word == flag.word for other in flags) == 1
            if not alone or flag.column in used or flag.word in told:
                continue
            wanted = _wanted(flag, context)
            if wanted is not None and _add(flag, wanted, scope):
                asked = "are" if wanted else "are not"
                return f"Only those that {asked} {' '.join(name_words(flag.column))} are asked for."
    return None


def _flags(source: Source, names: Names) -> list[_Flag]:
    if source.table is None:
        return []
    found = []
    for column in source.table.columns:
        if kind_of_type(column.type) != "boolean":
            continue
        said = [word for word in name_words(column.name) if word not in _ASIDES]
        if len(said) == 1 and len(said[0]) >= _LETTERS:
            found.append(_Flag(source, column.name, column.nullable, stem(said[0])))
    return found


def _wanted(flag: _Flag, context: Context) -> bool | None:
    """What the flag must be; None where nobody said so."""
    found: set[bool] = set()
    for text, may_affirm in ((context.question, True), (context.notes, False)):
        for sentence in _SENTENCE.findall(text):
            spoken = {word for word in words(sentence) if stem(word) == flag.word}
            spoken |= {word for word in words(sentence) if _undone(word, flag.word)}
            if not spoken:
                continue
            if _BOTH.search(sentence):
                return None
            word = "|".join(map(re.escape, sorted(spoken)))
            if any(_undone(one, flag.word) for one in spoken) or re.search(
                rf"{_BEFORE}(?:\w+\s+)?(?:{word})\b|\b(?:{word}){_AFTER}|\bnon[\s-]?(?:{word})\b",
                sentence,
                re.IGNORECASE,
            ):
                found.add(False)
            elif may_affirm and not _SHARES.search(sentence) and _is_said_of(flag, word, sentence, context):
                found.add(True)
            elif may_affirm:
                return None
    return found.pop() if len(found) == 1 else None


def _undone(word: str, root: str) -> bool:
    return word.startswith("un") and stem(word[2:]) == root


def _is_said_of(flag: _Flag, word: str, sentence: str, context: Context) -> bool:
    """Whether the word stands right before the table's things, as in "refunded tickets"."""
    assert flag.source.table is not None
    things = {stem(one) for one in context.names.joins.short.table_words(flag.source.table)}
    nouns = [one for one in words(sentence) if stem(one) in things]
    thing = "|".join(map(re.escape, nouns))
    return bool(nouns) and bool(re.search(rf"\b(?:{word})\s+(?:{thing})\b", sentence, re.IGNORECASE))


def _add(flag: _Flag, wanted: bool, scope: Scope) -> bool:
    column = exp.column(identifier(flag.column), table=identifier(flag.source.alias))
    condition: exp.Expr = column
    if not wanted:
        condition = exp.Not(this=exp.Is(this=column, expression=exp.true()) if flag.nullable else column)
    select = scope.expression
    return isinstance(select, exp.Select) and add_condition(select, flag.source.alias, condition)


RULE = Rule("asked_flag", _fix)
