"""Words of questions and of names, brought to one form so that they can meet.

English inflection is stripped lightly, identifiers are cut at underscores, case and digits. Nothing here
knows a database: the only word lists are the words that every question uses.
"""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_QUOTED = re.compile(
    r"'([^'\n]{1,80})'|\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|‘([^’\n]{1,80})’|`([^`\n]{1,80})`"
)


def listed(text: str) -> frozenset[str]:
    """The words of a list that is kept as text."""
    return frozenset(text.split())


STOP_WORDS: frozenset[str] = listed(
    """
    a about above according across after all along also although am among an and any are around as at be
    because been before being below between both but by can cannot could did do does doing down during each
    either else every few for from further get give given gives had has have having he her here him his how i
    if in include including into is it its itself just let list many may me might more most much must my near
    neither no nor not of off on once one only or order other our out over own per please rather same she
    should show shows so some such tell than that the their them then there these they this those through to
    too two under until up us use used using very was we were what when where whether which while who whom
    whose why will with within without would year yes yet you your
    """
)
"""Words that say how a question is put, not what it is about."""

QUERY_WORDS: frozenset[str] = listed(
    """
    absolute add against aggregate alphabetical alphabetically amount annual answer appear ascending
    average avg base belong best big bigger biggest bottom calculate change column compare comparison
    compute contain correspond count current currently daily database date day decrease descend
    descending detail difference differ different display distinct distribution early earliest entire
    equal exactly exclude exist express few fewer fewest filter find first five follow format four
    frequent frequently full great greater greatest group grow growth half have high higher highest hour
    identify increase individual information integer involve item large larger largest last late later
    latest least length less list long longest low lower lowest max maximum mean median min minimum
    minute month monthly multiple name need new null number numeric old oldest ordered outcome overall
    pair percent percentage period portion positive previous produce proportion quarter quarterly range
    rank rate ratio recent record related relation relative report respective respectively result return
    round row sample second select share short shortest show similar single size small smaller smallest
    sort specific start sum table ten three time today top total trend type unique value various vary
    versus vs week weekly yearly yesterday young
    """
)
"""Words of counting, ordering and time: any database can answer to them, so none is missing when unfound."""


RELATION_WORDS: frozenset[str] = listed(
    """
    accept achieve acquire actually add allocate appear apply arrange assign associate attach attend
    avail average award bear become began begin begun belong book born bought bring broken brought
    build built buy call came carry category cause charge choose chose chosen classify come complete
    comprise conduct connect consider consist contribute cover create cross deal declare deliver
    describe designate determine did do done earn eligible employ enable end enter establish exceed
    exceeded experience face fail fall fell find flow follow forget found gain gave generate get give
    given go goes gone got grew grow had handle happen held help hire hold host identify incur indicate
    initiate issue join keep kept kind know known launch lead leave left lie link list live locate look
    lose lost made maintain make manage mark meet mention met need normalize obtain occur offer open
    operate originate own paid participate pass pay perform place play post present process produce promote
    provide publish purchase put raise ran reach read receive recommend record refer register relate
    release remain report represent require reside result run said sat saw say see seen sell send sent
    serve set show sign sit sitting sold spend spent spread stand start stay stop store submit supply
    supported take taken talk taught teach tell think thought took trade traverse treat try turn use
    view visit want was went win within won work write written wrote
    """
)
"""Verbs of having, doing and happening: what relates the things of a question, seldom a column of its own."""

GENERAL_WORDS: frozenset[str] = listed(
    """
    active actual afternoon again ago almost already altogether always am another anybody anyone
    anything apart april august available away back bad better both bps breakdown calendar case celsius
    cent cents century certain character characters cheap cheaper combined common consecutive cubic
    cumulative curious currently decade december dollar dollars duration else entity euro euros evening ever
    everybody everyone everything example expect expensive fahrenheit february feet fine foot fraction
    friday general going good gram hello hers id idea ids inch individual instead interested january
    july june kg kilogram kilometer kilometers kilometre kind km kph letter like liter litre ll longer
    march meter meters metre metres midnight mile miles mine monday morning moving mph negative never
    next night noon november now object october often ones ours ourselves overall pair particular past
    people percent person pm popular positive possible potential pound quite re really recurring
    regular right roughly saturday season september simply since somebody someone something sometimes
    specific split square still sunday theirs themself themselves thing thursday together tomorrow ton
    tonne tuesday typical usd usually various ve way wednesday weekday weekdays weekend weekends well
    whole wonder word worse worst yet yours zero
    """
)
"""Units, parts of time and words without a subject of their own: none is missing when unfound."""


def fold(text: str) -> str:
    """Lower case, without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def words(text: str) -> list[str]:
    """The words of a sentence, folded, in order; digits count as words."""
    return _WORD.findall(fold(text.replace("’s ", " ").replace("'s ", " ")))


def name_words(name: str) -> list[str]:
    """The words of an identifier: ``orderItems_2024`` is order, items, 2024."""
    return list(_name_words(name))


@lru_cache(maxsize=65_536)
def _name_words(name: str) -> tuple[str, ...]:
    return tuple(words(_CAMEL.sub(" ", name).replace("_", " ")))


def stems(text: str) -> list[str]:
    """The stems of a sentence's words, in order."""
    return [stem(word) for word in words(text)]


def quoted(text: str) -> list[str]:
    """What stands in quotes: the parts of a question that are surely values or names."""
    return [next(filter(None, found)) for found in _QUOTED.findall(text)]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word without its English endings: ``citations``, ``cited`` and ``citing`` meet in ``cit``.

    Deliberately rough: it only has to bring two spellings of one word together, and is used on both sides.
    """
    if len(word) <= 3 or word[0].isdigit():
        return word
    base = word
    if base.endswith("ies") and len(base) > 4:
        base = base[:-3] + "y"
    elif base.endswith(("sses", "shes", "ches", "xes", "zes")):
        base = base[:-2]
    elif base.endswith("s") and not base.endswith(("ss", "us", "is")):
        base = base[:-1]
    for ending in (
        "ization",
        "isation",
        "ation",
        "ition",
        "ments",
        "ment",
        "ings",
        "ing",
        "edly",
        "ed",
        "ion",
    ):
        if base.endswith(ending) and len(base) - len(ending) >= 3:
            base = base[: -len(ending)]
            if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
                base = base[:-1]
            break
    if base.endswith("ly") and len(base) > 5:
        base = base[:-2]
    if base.endswith("y") and len(base) > 4:
        base = base[:-1] + "i"
    return base[:-1] if base.endswith("e") and len(base) > 3 else base
