"""Whether the figures of a sentence are those of its result, judged without the product's own check.

The product reads a sentence and looks for each figure's cell (``graph/prose``). This goes the other way: it
writes every cell in all the ways that it might be written, strikes from the sentence whatever it finds, and
counts the figures that are left; then it sees whether a figure stands in the same breath as the label of
another row. It shares no code with the product, so that one mistake does not hide in both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation

from wire.outcome import Rows

_FIGURE = re.compile(
    r"(?<![\w.,])[-−]?\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?!\d)"
    r"|(?<![\w.,])[-−]?\d[\d.,'’]*"
)
_UNIT = re.compile(
    r"\s?(?:(?P<percent>%|percent\b|per cent\b|Prozent\b|pour cent\b|por ciento\b)"
    r"|(?P<k>k|thousand|Tausend|mille|mil)\b|(?P<m>m|million|Million|Millionen|millions|millones|Mio)\b"
    r"|(?P<b>bn|billion|Milliarden?|milliards?|Mrd)\b|(?P<t>trillion|Billionen?)\b)"
)
_MINUS = re.compile(r"(?:minus|moins|menos)\s$", re.IGNORECASE)
_FALL = re.compile(
    r"\b(?:loss|fell|fall|decrease|decline|drop|down|less|negative|Verlust|perte|pérdida)", re.IGNORECASE
)
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_CUT = re.compile(r"[;:.!?](?=\s|$)|,(?=\s)|\b(?:and|but|while|und|aber|et|mais|y|pero)\b")
_SUMS = re.compile(
    r"\b(?:total|sum|together|combined|altogether|insgesamt|zusammen|gesamt|ensemble|suma)", re.I
)
_GAPS = re.compile(
    r"\b(?:more|less|fewer|higher|lower|difference|ahead|behind|mehr|weniger|plus|moins|más|menos)\b", re.I
)
_DECIMALS = 7
_MONTHS = (
    ("January", "Januar", "janvier", "enero"), ("February", "Februar", "février", "febrero"),
    ("March", "März", "mars", "marzo"), ("April", "April", "avril", "abril"),
    ("May", "Mai", "mai", "mayo"), ("June", "Juni", "juin", "junio"),
    ("July", "Juli", "juillet", "julio"), ("August", "August", "août", "agosto"),
    ("September", "September", "septembre", "septiembre"), ("October", "Oktober", "octobre", "octubre"),
    ("November", "November", "novembre", "noviembre"), ("December", "Dezember", "décembre", "diciembre"),
)  # fmt: skip
_WORDS = (
    "two|zwei|deux|dos three|drei|trois|tres four|vier|quatre|cuatro five|fünf|cinq|cinco six|sechs|seis"
    " seven|sieben|sept|siete eight|acht|huit|ocho nine|neun|neuf|nueve ten|zehn|dix|diez eleven|elf|onze"
    " twelve|zwölf|douze|doce thirteen|dreizehn|treize|trece twenty|zwanzig|vingt|veinte thirty|dreißig"
    "|trente|treinta"
)
_SIGNS = {"percent": "%", "k": "k", "m": "M", "b": "B", "t": "T"}
_POWERS = {3: "k", 6: "M", 9: "B"}
_VALUES = (*range(2, 14), 20, 30)
_SPELLED = {
    word: Decimal(value)
    for value, group in zip(_VALUES, _WORDS.split(), strict=True)
    for word in group.split("|")
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a sentence says in figures."""

    figures: int
    """How many."""
    wrong: tuple[str, ...]
    """Those that no cell, count of rows or stated arithmetic gives, and those beside another row's label."""


def told(sentence: str, rows: Rows, question: str = "") -> Told:
    """Count the figures of a sentence, and those that are wrong.

    Args:
        sentence: as it was shown.
        rows: the result that it tells of.
        question: figures that it repeats from here are the asker's.
    """
    left = _struck(sentence, rows)
    asked = {_bare(match[0]) for match in _FIGURE.finditer(question)}
    found = [(match.start(), _whole(left, match)) for match in _FIGURE.finditer(left)]
    found += [
        (match.start(), match[0])
        for match in re.finditer(r"[^\W\d_]+", left)
        if match[0].lower() in _SPELLED and match[0].lower() not in question.lower()
    ]
    homes = _homes(rows)
    extra = _derived(sentence, rows)
    wrong = []
    for place, written in sorted(found):
        forms = {_bare(written)} | {str(_SPELLED[w]) for w in [written.lower()] if w in _SPELLED}
        if _FALL.search(sentence):
            forms |= {f"-{form}" for form in forms}
        cells = {cell for form in forms for cell in homes.get(form, ())}
        if cells and _fits_label(sentence, place, cells, rows):
            continue
        if forms & extra or forms & asked:
            continue
        wrong.append(written)
    return Told(len(found), tuple(wrong))


def _struck(sentence: str, rows: Rows) -> str:
    """The sentence with the result's texts and dates blanked out: what is left of digits must be numbers."""
    texts = {cell for row in rows.preview for cell in row if isinstance(cell, str) and _number(cell) is None}
    forms = {form for cell in texts for form in (_written_dates(cell) or {cell})}
    left = sentence
    for form in sorted(forms, key=len, reverse=True):
        pattern = re.compile(rf"(?<!\w){re.escape(form)}(?!\w)", re.IGNORECASE)
        left = pattern.sub(lambda match: " " * len(match[0]), left)
    return left


def _written_dates(cell: str) -> set[str]:
    match = _DAY.match(cell)
    if match is None:
        return set()
    year, month, day = map(int, match.groups())
    try:
        date(year, month, day)
    except ValueError:
        return set()
    forms = {
        cell,
        match[0],
        f"{year}-{month:02}",
        str(year),
        f"{day}.{month}.{year}",
        f"{month}/{day}/{year}",
    }
    forms |= {
        f"{one:02}{mark}{two:02}{mark}{year}" for one, two in ((day, month), (month, day)) for mark in "/."
    }
    for name in {name for long in _MONTHS[month - 1] for name in (long, long[:3])}:
        for nth in (
            str(day),
            f"{day}.",
            f"{day}st",
            f"{day}nd",
            f"{day}rd",
            f"{day}th",
            f"{day} de",
            f"{day} of",
        ):
            forms |= {
                f"{nth} {name} {year}",
                f"{nth} {name} de {year}",
                f"{name} {nth}, {year}",
                f"{name} {nth} {year}",
            }
            forms |= {f"{nth} {name}", f"{name} {nth}"}
        forms |= {f"{name} {year}", f"{name} de {year}"}
    if len(cell) > len("2024-01-01"):
        forms |= {f"{form} {cell[11:16]}" for form in (match[0],)} | {cell[11:16], cell[11:19]}
    return forms


def _homes(rows: Rows) -> dict[str, set[tuple[int, int]]]:
    """By every way to write a number (without grouping): the cells that may be written so."""
    homes: dict[str, set[tuple[int, int]]] = {}
    for number, row in enumerate(rows.preview):
        for column, cell in enumerate(row):
            value = _number(cell)
            if value is not None:
                for form in _forms(value, rows.columns[column].name):
                    homes.setdefault(form, set()).add((number, column))
    return homes


def _forms(value: Decimal, name: str) -> Iterator[str]:
    percent = re.search(r"percent|pct|%", name, re.IGNORECASE)
    for scaled, unit in ((value, ""), (value, "%") if percent or abs(value) > 1 else (value * 100, "%")):
        for digits in range(_DECIMALS):
            if scaled.adjusted() > 20:
                break
            for rounding in (ROUND_HALF_UP, ROUND_HALF_EVEN):
                yield f"{scaled.quantize(Decimal(1).scaleb(-digits), rounding):f}{unit}"
        yield f"{scaled.normalize():f}{unit}"
    for power, digits in ((6, 2), (9, 2), (3, 2), (6, 1), (9, 1), (3, 1), (6, 0), (9, 0), (3, 0)):
        if abs(value) >= Decimal(10) ** power:
            scaled = value.scaleb(-power).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
            yield f"{scaled:f}{_POWERS[power]}"


def _derived(sentence: str, rows: Rows) -> set[str]:
    """Numbers that are no cell and may be said: how many rows, and sums and differences that are named."""
    found: list[Decimal] = []
    if rows.truncated is None or re.search(r"at least|more than|over|mindestens|plus de|más de", sentence):
        found.append(Decimal(rows.row_count))
    whole = rows.truncated is None and rows.row_count == len(rows.preview)
    for column in range(len(rows.columns)):
        values = [value for row in rows.preview if (value := _number(row[column])) is not None]
        if whole and _SUMS.search(sentence):
            found.append(sum(values, Decimal(0)))
        if _GAPS.search(sentence):
            found += [abs(one - two) for one in values for two in values if one != two]
    return {form for value in found for form in _forms(value, "")}


def _fits_label(sentence: str, place: int, cells: set[tuple[int, int]], rows: Rows) -> bool:
    """Whether a figure stands beside no label, or beside one of a row that holds it.

    The breath between two marks is looked at; where it has several labels, any of them may be meant.
    """
    if len(rows.preview) < 2:
        return True
    cuts = [0, *(match.end() for match in _CUT.finditer(sentence)), len(sentence)]
    low = max(cut for cut in cuts if cut <= place)
    high = min(cut for cut in cuts if cut > place)
    breath = sentence[low:high].lower()
    named = {
        number
        for number, row in enumerate(rows.preview)
        for label in _labels(row, rows)
        if re.search(rf"(?<!\w){re.escape(label.lower())}(?!\w)", breath)
    }
    return not named or bool(named & {row for row, _ in cells})


def _labels(row: list[object], rows: Rows) -> Iterator[str]:
    """What a row goes by: its texts, its dates but for a bare year, and the cells of a column of years."""
    for column, cell in zip(rows.columns, row, strict=False):
        if isinstance(cell, str) and _number(cell) is None:
            yield from (
                form for form in _written_dates(cell) or {cell} if len(form) > 1 and not form.isdigit()
            )
        elif re.search(r"year|jahr|année|año", column.name, re.IGNORECASE):
            yield str(cell)


def _whole(text: str, match: re.Match[str]) -> str:
    """A figure with its sign and unit in one form: ``-5``, ``25%``, ``1.2M``."""
    unit = _UNIT.match(text, match.end())
    named = next((name for name, value in unit.groupdict().items() if value), "") if unit else ""
    sign = "-" if _MINUS.search(text[: match.start()]) else ""
    return sign + match[0].strip().rstrip(".,") + _SIGNS.get(named, "")


def _number(cell: object) -> Decimal | None:
    if cell is None or isinstance(cell, bool):
        return None
    try:
        value = Decimal(str(cell))
    except InvalidOperation:
        return None
    return value if value.is_finite() and len(value.as_tuple().digits) < 28 else None


def _bare(written: str) -> str:
    """A figure as it stands without grouping and with a point, by the likeliest reading."""
    plain = re.sub(r"[\s\u00a0\u202f'’]", "", written).rstrip(".,").replace("−", "-")
    unit = plain[-1] if plain[-1:] in "%kMBT" else ""
    plain = plain.removesuffix(unit) if unit else plain
    if plain.count(",") and plain.count("."):
        point = max(plain.rfind(","), plain.rfind("."))
        plain = re.sub(r"[.,]", "", plain[:point]) + "." + plain[point + 1 :]
    elif re.fullmatch(r"-?\d{1,3}(?:[.,]\d{3})+", plain):
        plain = re.sub(r"[.,]", "", plain)
    else:
        plain = plain.replace(",", ".")
    return plain + unit
