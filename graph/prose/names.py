"""Names of a sentence that neither the result nor the question holds: a right number beside a wrong name."""

import re
from collections.abc import Iterable

from graph.context.words import GENERAL_WORDS, QUERY_WORDS, STOP_WORDS, fold, listed, name_words, stem
from graph.prose.dates import MONTHS
from graph.prose.number_words import languages

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_DAYS = listed(
    "monday tuesday wednesday thursday friday saturday sunday lundi mardi mercredi jeudi vendredi"
    " samedi dimanche lunes martes miercoles jueves viernes sabado domingo"
)
_OWNS = re.compile(r"\s+(?:has|had|is|was|leads|sold|made|earned|spent|with|holds|ranks|comes|came)\b")
"""What follows a name that begins a sentence."""


def foreign_names(text: str, known: Iterable[str], *, labelled: bool) -> list[str]:
    """Capitalised words that nothing at hand has, as written.

    German is not judged: every noun of it has a capital. A word that begins a sentence is one only where a
    verb of having follows, and where the result has names at all.

    Args:
        text: the sentence.
        labelled: whether the result has names.
        known: question, values, names of columns, query: whatever a name may come from.
    """
    if "de" in languages(text):
        return []
    given = {stem(word) for part in known for word in (*_words(part), *name_words(part))}
    found = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        bare = fold(re.sub(r"['’]s?$|^[dl]['’]", "", word))
        if not word[:1].isupper() or len(bare) < 2 or bare in _ORDINARY or stem(bare) in given:
            continue
        if word.isupper() and len(word) <= 3:
            continue  # abbreviations of units, countries and the like
        begins = not text[: match.start()].rstrip(" \"'“‘(") or bool(_END.search(text[: match.start()]))
        if begins and (not labelled or not _OWNS.match(text, match.end()) or bare.endswith("s")):
            continue
        found.append(word)
    return found


def _words(text: str) -> list[str]:
    return [fold(word) for word in _TOKEN.findall(text)] + re.findall(r"[a-z]+", fold(text))


_END = re.compile(r"[.!?:][\"'”’)]*\s+[\"'“‘(]*$")
_ORDINARY = (
    STOP_WORDS
    | QUERY_WORDS
    | GENERAL_WORDS
    | _DAYS
    | frozenset(MONTHS)
    | listed("null true false yes q sql id none nobody nothing el la le les los las il un une i")
)
