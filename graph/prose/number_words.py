"""Numbers that are written as words, in the four languages that answers are mostly given in.

A model is told to write digits. One that does not must still be held to the result, so every number word has
a value here; a compound that cannot be read has none and counts as unfounded.
"""

import re
from collections.abc import Iterator
from functools import cache

from graph.context.words import fold


def in_order(text: str) -> list[str]:
    """The words of a list that is kept as text."""
    return text.split()


_EN_ONES = in_order(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_EN_TENS = in_order("twenty thirty forty fifty sixty seventy eighty ninety")
_DE_ONES = in_order(
    "null ein zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn"
    " sechzehn siebzehn achtzehn neunzehn"
)
_DE_TENS = in_order("zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig")
_FR_ONES = in_order(
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
    " dix-sept dix-huit dix-neuf"
)
_FR_TENS = in_order("vingt trente quarante cinquante soixante")
_ES_ONES = in_order(
    "cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
    " dieciseis diecisiete dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro"
    " veinticinco veintiseis veintisiete veintiocho veintinueve"
)
_ES_TENS = in_order("treinta cuarenta cincuenta sesenta setenta ochenta noventa")

_SPEECH = {
    "en": "the is of are and there has have with was were in to by for than",
    "de": "der die das ist sind und es gibt hat haben mit wurden waren den von im",
    "fr": "le la les est sont et il a des avec une du au ont dans plus pour",
    "es": "el los las es son y hay con una del tienen tiene en que por",
}
_COMMON = {language: frozenset(said.split()) for language, said in _SPEECH.items()}

SCALES: dict[str, dict[str, int]] = {
    "en": {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
           "dozen": 12, "lakh": 10**5, "crore": 10**7},
    "de": {"hundert": 100, "tausend": 10**3, "million": 10**6, "millionen": 10**6, "mio": 10**6,
           "milliarde": 10**9, "milliarden": 10**9, "mrd": 10**9, "billion": 10**12, "billionen": 10**12,
           "dutzend": 12},
    "fr": {"cent": 100, "cents": 100, "mille": 10**3, "million": 10**6, "millions": 10**6,
           "milliard": 10**9, "milliards": 10**9, "billion": 10**12, "billions": 10**12, "douzaine": 12},
    "es": {"cien": 100, "ciento": 100, "cientos": 100, "mil": 10**3, "millon": 10**6, "millones": 10**6,
           "billon": 10**12, "billones": 10**12, "docena": 12},
}  # fmt: skip
"""What a word after a number multiplies it by. *Billion* is a thousand times more outside of English."""


def folded(text: str) -> str:
    """The text without capitals and accents, each character in its place."""
    if text.isascii():
        return text.lower()
    return "".join(plain if len(plain := fold(char)) == 1 else char for char in text)


def languages(text: str) -> list[str]:
    """The languages that the text may be in, by its commonest words: one, or all where none speaks up."""
    said = re.findall(r"[a-z]+", fold(text))
    counts = {language: sum(word in common for word in said) for language, common in _COMMON.items()}
    most = max(counts.values())
    return [language for language, count in counts.items() if count == most]


@cache
def values_of(language: str) -> dict[str, int]:
    """0 and 2 to 99 by the words for them, folded, with single spaces in place of hyphens.

    One is left out: in each of these languages it is an article or a pronoun more often than a number.
    """
    found: dict[str, int] = {}
    match language:
        case "en":
            found.update({word: value for value, word in enumerate(_EN_ONES)})
            for tens, word in enumerate(_EN_TENS, 2):
                found[word] = tens * 10
                found.update({f"{word} {_EN_ONES[one]}": tens * 10 + one for one in range(1, 10)})
        case "de":
            found.update({word: value for value, word in enumerate(_DE_ONES)})
            for tens, word in enumerate(_DE_TENS, 2):
                found[word] = tens * 10
                found.update({f"{_DE_ONES[one]}und{word}": tens * 10 + one for one in range(1, 10)})
            found = {word.replace("funf", form): value for word, value in found.items() for form in _OE}
            found.update({word.replace("zwolf", "zwoelf"): value for word, value in found.items()})
        case "fr":
            found.update({word.replace("-", " "): value for value, word in enumerate(_FR_ONES)})
            for tens, word in enumerate(_FR_TENS, 2):
                found[word] = tens * 10
                found[f"{word} et un"] = tens * 10 + 1
                found.update({f"{word} {_FR_ONES[one]}": tens * 10 + one for one in range(2, 10)})
            for one in range(10, 20):
                word = _FR_ONES[one].replace("-", " ")
                found[f"soixante {word}"] = 60 + one
                found[f"quatre vingt {word}"] = 80 + one
            found["soixante et onze"] = 71
            found["quatre vingts"] = found["quatre vingt"] = 80
            found.update({f"quatre vingt {_FR_ONES[one]}": 80 + one for one in range(1, 10)})
        case "es":
            found.update({word: value for value, word in enumerate(_ES_ONES)})
            for tens, word in enumerate(_ES_TENS, 3):
                found[word] = tens * 10
                found.update({f"{word} y {_ES_ONES[one]}": tens * 10 + one for one in range(1, 10)})
    return {word: value for word, value in found.items() if value != 1 and word != "null"}


_OE = ("funf", "fuenf")


@cache
def _pattern(language: str) -> re.Pattern[str]:
    names = sorted(values_of(language), key=len, reverse=True)
    one = "|".join(r"[\s-]".join(map(re.escape, name.split())) for name in names)
    scales = "|".join(sorted(SCALES[language], key=len, reverse=True))
    article = {"en": "one|an?", "de": "eine?", "fr": "une?", "es": "una?"}[language]
    return re.compile(
        rf"(?<![\w.,])(?:(?P<low>{one})|(?:(?:{article})[\s-])?(?={scales}))"
        rf"(?:[\s-]?(?P<scale>{scales})s?(?!\w)(?:[\s-](?:and[\s-])?(?P<rest>{one}))?)?(?![\w])"
    )


def spelled(text: str) -> Iterator[tuple[int, int, str, int | None]]:
    """Numbers written as words: where they start and end, as written, and their value.

    None stands for a number that is there but cannot be read: *dozens*, *zweihundertdrei*.
    """
    plain = folded(text)
    taken: list[tuple[int, int]] = []
    for language in languages(text):
        for match in _pattern(language).finditer(plain):
            start, end = match.span()
            if start == end or any(start < other and end > begin for begin, other in taken):
                continue
            if match["low"] is None and match["scale"] is None:
                continue
            if match["scale"] is not None and _after_digits(plain, start):
                continue
            names = values_of(language)
            low = names[" ".join(re.split(r"[\s-]", match["low"]))] if match["low"] else 1
            value: int | None = low
            if match["scale"]:
                value = low * SCALES[language][match["scale"]]
                if match["rest"]:
                    value += names[" ".join(re.split(r"[\s-]", match["rest"]))]
                if _VAGUE.match(plain[start:end]) or _MORE.match(plain, end):
                    value = None
            taken.append((start, end))
            yield start, end, text[start:end], value
    for match in _COMPOUND.finditer(plain):
        start, end = match.span()
        if not any(start < other and end > begin for begin, other in taken):
            yield start, end, text[start:end], None


def _after_digits(text: str, start: int) -> bool:
    """Whether digits stand before it: ``1.2 million`` is read as one figure."""
    return bool(re.search(r"\d[\s-]?$", text[:start]))


_VAGUE = re.compile(r"(?:dozens|hundreds|thousands|millions|billions)")
_MORE = re.compile(r"[\s-](?:hundred|thousand|million|billion|cent|cents|mille|mil)\b")
_COMPOUND = re.compile(
    r"(?<!\w)(?:(?:ein|zwei|drei|vier|funf|fuenf|sechs|sieben|acht|neun)?(?:hundert|tausend)[a-z]+"
    r"|(?:two|three|four|five|six|seven|eight|nine)?hundred[a-z]+"
    r"|(?:dos|tres|cuatro|quin|seis|sete|ocho|nove)cientos"
    r"|quinientos|(?:hundreds|thousands|dozens|millions|hunderte|tausende|dutzende|centaines|milliers"
    r"|douzaines|cientos|miles|docenas)(?=\s(?:of|von|de|d')))(?!\w)"
)
"""Compounds beyond what is read, and vague amounts: a number, of unknown value."""
